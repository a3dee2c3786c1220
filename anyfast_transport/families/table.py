"""Which row a model id belongs to."""

from functools import lru_cache

from anyfast_transport.families.family import Family
from anyfast_transport.families.rows.deepseek import DEEPSEEK, DEEPSEEK_V3, DEEPSEEK_VISION
from anyfast_transport.families.rows.doubao import DOUBAO
from anyfast_transport.families.rows.gemini import GEMINI_3, GEMINI_20, GEMINI_25
from anyfast_transport.families.rows.glm import GLM
from anyfast_transport.families.rows.grok import GROK
from anyfast_transport.families.rows.kimi import KIMI
from anyfast_transport.families.rows.minimax import MINIMAX
from anyfast_transport.families.rows.openai import PLAIN
from anyfast_transport.families.rows.qwen import QWEN, QWEN_2_VL, QWEN_3, QWEN_WITHOUT_THINKING

__all__ = ["FAMILIES", "PLAIN", "Family", "family_of"]

FAMILIES: tuple[Family, ...] = (
    DEEPSEEK,
    DEEPSEEK_VISION,
    DEEPSEEK_V3,
    QWEN,
    QWEN_3,
    QWEN_WITHOUT_THINKING,
    QWEN_2_VL,
    DOUBAO,
    GEMINI_3,
    GEMINI_25,
    GEMINI_20,
    KIMI,
    GLM,
    MINIMAX,
    GROK,
)

_BY_PREFIX = sorted(((p, f) for f in FAMILIES for p in f.prefixes), key=lambda row: -len(row[0]))


@lru_cache(maxsize=1024)
def family_of(model: str) -> Family:
    """Finds the row of a model by the longest prefix of its id.

    Args:
        model: Model id as the caller wrote it; a vendor in front (`MiniMax/MiniMax-M2.7`) and case are ignored.

    Returns:
        The family, or `PLAIN` for an id that no row knows.
    """
    name = model.rsplit("/", 1)[-1].lower()
    return next((family for prefix, family in _BY_PREFIX if name.startswith(prefix)), PLAIN)
