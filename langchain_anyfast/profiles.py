"""What LangChain may know of a model, made of its family's row; the sources are beside the facts there.

Only what a model's own row says is in its profile: a field that is left out is not known.
"""

from typing import cast

from langchain_core.language_models.model_profile import ModelProfile

from anyfast_transport.families.profile_file import family_with
from anyfast_transport.families.table import PLAIN, Family, family_of


def profile_of(model: str, profile_file: str | None = None) -> ModelProfile:
    """The profile of a model.

    Args:
        model: Model id.
        profile_file: Path of a file of facts that lie over the row of its family, or None.

    Returns:
        What its row knows; empty for a model that no row knows.
    """
    return ModelProfile() if family_of(model) is PLAIN else _profile(family_with(model, profile_file))


def _profile(family: Family) -> ModelProfile:
    profile = ModelProfile(
        text_inputs=True,
        text_outputs=True,
        image_outputs=family.makes_images,
        temperature="temperature" not in family.refuses,
        reasoning_output=True in family.thinking,
        mid_conversation_system_messages=not family.system_first,
        # create_agent then sends a json_schema, and does not ask twice: only where it binds the model. An explicit
        # ProviderStrategy works on every model, since what a family lacks is lowered.
        structured_output=family.json_schema and not family.makes_images,
    )
    if not family.makes_images:  # whether those call tools is not known
        profile["tool_calling"] = profile["tool_call_streaming"] = True
        # While it thinks: create_agent asks for nothing else.
        profile["tool_choice"] = family.forces_tools_while_thinking or not family.thinks_by_default
    if family.context_window is not None:
        profile["max_input_tokens"] = family.context_window
    if family.output_limit is not None:
        profile["max_output_tokens"] = family.output_limit
    if family.effort_levels:
        profile["reasoning_effort_levels"] = list(family.effort_levels)
    if family.effort_default is not None:
        profile["reasoning_effort_default"] = family.effort_default
    parts = family.parts or family.inputs
    if parts is not None:
        _put_inputs(profile, parts)
    # An older langchain-core warns of fields that it does not know.
    known = ModelProfile.__annotations__
    return cast("ModelProfile", {name: value for name, value in profile.items() if name in known})


def _put_inputs(profile: ModelProfile, parts: frozenset[str]) -> None:
    profile["attachment"] = parts != {"text"}
    profile["image_inputs"] = profile["image_url_inputs"] = "image_url" in parts
    profile["image_tool_message"] = "image_url" in parts
    profile["video_inputs"] = "video_url" in parts
    profile["audio_inputs"] = "input_audio" in parts
    profile["pdf_inputs"] = profile["pdf_tool_message"] = "file" in parts
