"""Reading a prompt: its words, names, quotations, numbers and lists."""

import re

# Words that say nothing about what a prompt is about.
_SILENT = """a an and are as at be but by can could do does for from get give has have how i in into is it its let like
list me my need of on or our please return show so take tell than that the their them then there these they this to
tool tools us use used useful using value want was we what when where which who whose why will with would you your
first next after also both answer question call function result results name one some any all following"""
_STOPWORDS = frozenset(_SILENT.split())
# Words that open a sentence with a capital and name nobody.
_OPENING = """hello hi hey create make generate write find look search add extract parse translate summarize describe
compare convert compute calculate check book send say explain now today tomorrow thanks thank respond reply only if
json yes no not nothing just once here dear"""
_OPENERS = _STOPWORDS | frozenset(_OPENING.split())
# What a prompt says, and the words under which a tool may know it.
_SYNONYMS = (
    (re.compile(r"fahrenheit|celsius|°", re.IGNORECASE), "temperature"),
    (re.compile(r"\d\s*\+\s*\d|\bplus\b|\bsum\b", re.IGNORECASE), "add adder sum"),
    (re.compile(r"\d\s*[*×]\s*\d|\btimes\b|\bproduct\b", re.IGNORECASE), "multiply product"),
    (re.compile(r"\d\s*/\s*\d|\bdivided\b", re.IGNORECASE), "divide division"),
    (re.compile(r"\d\s*-\s*\d|\bminus\b", re.IGNORECASE), "subtract difference"),
    (re.compile(r"\d\s*[-+*/×^]\s*\d"), "math calculator calculate arithmetic compute evaluate expression"),
    (re.compile("天气|气温"), "weather temperature"),
    (re.compile("时间|几点"), "time"),
    (re.compile("搜索|查找"), "search"),
)
_QUOTED = re.compile(
    r"「([^」]+)」|『([^』]+)』|“([^”]+)”|‘([^’]+)’"
    r"|\"([^\"\n]+)\"|`([^`\n]+)`|(?<!\w)'([^'\n]+)'(?!\w)"
)
_NAME = re.compile(r"[A-Z][\w’-]*(?:[ ]+[A-Z][\w’-]*)*")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w]*[A-Za-z_])|(?<=\()-?\d+(?:\.\d+)?(?=[,)])")
_DATE = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
_CJK_PLACE = re.compile(
    r"(?:在|查询|查一下|请问|告诉我|今天|明天|^|[,，。、和与])([\u4e00-\u9fff]{2,4}?)(?:的|今天|现在)*(?:天气|气温|时间|几点)"
)
_CJK_LIST = re.compile(r"([\u4e00-\u9fff]{2,3})[和与及、]([\u4e00-\u9fff]{2,3}?)(?:的|今天)*(?:天气|气温|时间)")
_LISTED = re.compile(
    rf"(?P<head>{_NAME.pattern}(?:\s*,\s*{_NAME.pattern})*)\s*,?\s+(?:and|&)\s+(?P<last>{_NAME.pattern})"
)
_WORD = re.compile(r"[A-Za-z][a-z]+|[A-Z]+(?![a-z])|[\u4e00-\u9fff\u3040-\u30ff]+")
_STEM = 6


def stems(text: str) -> dict[str, int]:
    """The telling words of a text, cut to their stems, each with where it first occurs."""
    found: dict[str, int] = {}
    for match in _WORD.finditer(text):
        word = match.group().lower()
        if word[0] >= "\u3040":
            for at in range(len(word) - 1):
                found.setdefault(word[at : at + 2], match.start() + at)
        elif word not in _STOPWORDS and len(word) > 1:
            found.setdefault(word.removesuffix("s")[:_STEM], match.start())
    for pattern, words in _SYNONYMS:
        if (hit := pattern.search(text)) is not None:
            for word in words.split():
                found.setdefault(word[:_STEM], hit.start())
    return found


def quotations(text: str) -> list[str]:
    """What stands in quotation marks, Latin and CJK, in order."""
    return [next(group for group in match.groups() if group) for match in _QUOTED.finditer(text)]


def names(text: str) -> list[str]:
    """Proper names in order: quotations, capitalised words that do not merely open a sentence, CJK places."""
    found = [(match.start(), next(group for group in match.groups() if group)) for match in _QUOTED.finditer(text)]
    if not found:
        found = [(match.start(), name) for match in _NAME.finditer(text) if (name := _without_opener(match.group()))]
        found += [(match.start(1), match.group(1)) for match in _CJK_PLACE.finditer(text)]
    return list(dict.fromkeys(name for _, name in sorted(found)))


def _without_opener(name: str) -> str:
    words = name.split()
    while words and words[0].lower() in _OPENERS:
        words = words[1:]
    return " ".join(words)


def placed_names(text: str) -> list[str]:
    """The names that a preposition puts somewhere ("in Paris")."""
    return [name for name in names(text) if re.search(rf"\b(?:in|at|to|for|of|from|near)\s+{re.escape(name)}", text)]


def unnamed_place(text: str) -> str:
    """A place that is not written with a capital ("weather in tokyo"), or ""."""
    match = re.search(r"\b(?:in|at|near|for)\s+(?!the\b|an?\b)([a-z]+)\b", text)
    return match.group(1) if match is not None else ""


def listed_names(text: str) -> list[str]:
    """The names of the first list of two or more ("Paris, Rome and Oslo"), else nothing."""
    if (cjk := _CJK_LIST.search(text)) is not None:
        return list(cjk.groups())
    match = _LISTED.search(text)
    if match is None:
        return []
    found = [_without_opener(name.strip()) for name in [*match["head"].split(","), match["last"]]]
    return found if all(found) else []


def numbers(text: str) -> list[float]:
    """The numbers in order of appearance, those of dates left out; a whole one is an int."""
    return [float(hit) if "." in hit else int(hit) for hit in _NUMBER.findall(_DATE.sub(" ", text))]


def said_value(text: str, key: str) -> str | None:
    """What the prompt says a key is ("city: Paris", "age = 3"), if it says so."""
    spelled = re.escape(key).replace("_", "[ _]")
    match = re.search(rf"(?i:\b{spelled}\b)['\"`]?\s*(?:[:：=]|(?i:is|为|是)\s)\s*([^\n,;，；。]+)", text)
    if match is None:
        return None
    value = match.group(1).strip()
    if (quoted := quotations(value)) and value[0] in "「『“‘\"`'":
        return quoted[0]
    return re.split(r"[.?!](?:\s|$)|\s+and\s+", value)[0].strip() or None


def topic(text: str) -> str:
    """What a prompt is about, in few words."""
    match = re.search(r"\b(?:about|on|of|for)\s+(?:an?\s+|the\s+)?([\w' -]{2,40})", text)
    if match is not None:
        return match.group(1).strip()
    telling = [word for word in re.findall(r"[\w’']+", text) if word.lower() not in _OPENERS]
    return " ".join(telling[-3:]) or "this"


def sentences(text: str) -> list[str]:
    """The sentences of a text."""
    return [one.strip() for one in re.split(r"(?<=[.!?])\s+|(?<=[。！？])|\n+", text) if one.strip()]
