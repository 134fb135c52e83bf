"""Languages: their codes and English names, and which one a user means.

Records and options hold ISO 639-1 codes, and ISO 639-3 ones for languages that have no shorter one, as Whisper does.
Accents and case do not count in names, and neither does a region or script behind a code (`pt-BR`, `zh_Hans`).
Countries that are taken for languages (`jp`, `cz`) are no codes; the error says which one is meant.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection

from ger.errors import UsageError

__all__ = ["among", "canonical", "code_of", "name_of", "same", "spoken", "unknown"]

#: Code, ISO 639-3 code, English name and other names.
_TABLE = """
af afr Afrikaans; am amh Amharic; ar ara Arabic; as asm Assamese; az aze Azerbaijani; ba bak Bashkir; be bel Belarusian;
bg bul Bulgarian; bn ben Bengali; bo bod Tibetan; br bre Breton; bs bos Bosnian; ca cat Catalan, Valencian;
ceb ceb Cebuano; ckb ckb Sorani; cs ces Czech; cy cym Welsh; da dan Danish; de deu German; el ell Greek; en eng English;
eo epo Esperanto; es spa Spanish, Castilian; et est Estonian; eu eus Basque; fa fas Persian, Farsi; fi fin Finnish;
fil fil Filipino; fo fao Faroese; fr fra French; fy fry Frisian; ga gle Irish; gd gla Gaelic; gl glg Galician;
gu guj Gujarati; ha hau Hausa; haw haw Hawaiian; he heb Hebrew; hi hin Hindi; hr hrv Croatian; ht hat Haitian Creole;
hu hun Hungarian; hy hye Armenian; ia ina Interlingua; id ind Indonesian; ig ibo Igbo; is isl Icelandic; it ita Italian;
ja jpn Japanese; jv jav Javanese; jw jav Javanese; ka kat Georgian; kk kaz Kazakh; km khm Khmer; kn kan Kannada;
ko kor Korean; ku kur Kurdish; ky kir Kyrgyz; la lat Latin; lb ltz Luxembourgish; lg lug Ganda; ln lin Lingala;
lo lao Lao; lt lit Lithuanian; lv lav Latvian; mg mlg Malagasy; mi mri Maori; mk mkd Macedonian; ml mal Malayalam;
mn mon Mongolian; mr mar Marathi; ms msa Malay; mt mlt Maltese; my mya Burmese, Myanmar; ne nep Nepali;
nl nld Dutch, Flemish; nn nno Nynorsk; no nor Norwegian; nb nob Bokmal; ny nya Chichewa; oc oci Occitan; om orm Oromo;
or ori Odia; pa pan Punjabi, Panjabi; pl pol Polish; ps pus Pashto, Pushto; pt por Portuguese;
ro ron Romanian, Moldavian, Moldovan; ru rus Russian; rw kin Kinyarwanda; sa san Sanskrit; sd snd Sindhi;
si sin Sinhala, Sinhalese; sk slk Slovak; sl slv Slovenian; sm smo Samoan; sn sna Shona; so som Somali; sq sqi Albanian;
sr srp Serbian; st sot Sotho; su sun Sundanese; sv swe Swedish; sw swa Swahili; ta tam Tamil; te tel Telugu;
tg tgk Tajik; th tha Thai; tk tuk Turkmen; tl tgl Tagalog; tr tur Turkish; ts tso Tsonga; tt tat Tatar; tn tsn Tswana;
ug uig Uyghur; uk ukr Ukrainian; ur urd Urdu; uz uzb Uzbek; vi vie Vietnamese; wo wol Wolof; xh xho Xhosa;
yi yid Yiddish; yo yor Yoruba; yue yue Cantonese; zh zho Chinese, Mandarin; zu zul Zulu
"""
#: Their own names, and codes of libraries for them (ISO 639-2/B).
_OWN = """
ar العربية; bg български; bo tib; ca català; cs čeština, česky, cze; cy wel; da dansk; de deutsch, ger;
el ελληνικά, gre; es español; et eesti; eu euskara, baq; fa فارسی, per; fi suomi; fr français, fre; he עברית;
hi हिन्दी, हिंदी; hr hrvatski; hu magyar; hy arm; id bahasa indonesia; is íslenska, ice; it italiano; ja 日本語; ka geo;
ko 한국어; lt lietuvių; lv latviešu; mi mao; mk mac; ms bahasa melayu, may; my bur; nl nederlands, vlaams, dut;
no norsk; pl polski; pt português; ro română, rum; ru русский; sk slovenčina, slo; sl slovenščina; sq shqip, alb;
sr српски, srpski; sv svenska; th ไทย; tr türkçe; uk українська; vi tiếng việt; zh 中文, 汉语, 漢語, 普通话, chi
"""
#: What is taken for the code of a language, most of them countries, and the one that is meant.
_WRONG = """
al sq; at de; by be; cn zh; cz cs; dk da; ee et; gb en; ge ka; gr el; il he; ir fa; iw he; ji yi; jp ja; kr ko; mx es;
np ne; rs sr; se sv; tw zh; ua uk; us en; vn vi
"""
#: What stands behind a code: a region or a script.
_REGION = re.compile(r"[-_]")
_CODE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*")
#: So many languages can be named in an error.
_FEW = 12
#: How alike a name has to be to be meant.
_ALIKE = 0.8


def _entries(table: str) -> list[str]:
    return " ".join(table.split()).split("; ")


def _folded(text: str) -> str:
    """A name without case, accents and needless white space."""
    plain = unicodedata.normalize("NFKD", " ".join(text.split()).casefold())
    return "".join(char for char in plain if not unicodedata.combining(char))


_MEANT = dict(entry.split() for entry in _entries(_WRONG))
_ROWS = [entry.split(maxsplit=2) for entry in _entries(_TABLE)]
_NAMES = {code: names.split(", ")[0] for code, _, names in _ROWS}
_ENGLISH = {_folded(name): code for code, _, names in reversed(_ROWS) for name in names.split(", ")}
#: Everything that a language may be called, folded, with its code.
_CODES = (
    {
        _folded(name): code
        for code, names in (row.split(maxsplit=1) for row in _entries(_OWN))
        for name in names.split(", ")
    }
    | _ENGLISH
    | {long: code for code, long, _ in reversed(_ROWS)}
    | {code: code for code in _NAMES}
)


def canonical(text: str) -> str:
    """The code of a language given by code or name; what is not known comes back as it is."""
    return _known(text) or text.strip()


def code_of(text: str) -> str:
    """The code of a language given by code or name.

    Raises:
        UsageError: there is no such language; says which one may be meant.
    """
    if code := _known(text):
        return code
    raise UsageError(f"There is no language called {text!r}.", _hint(text))


def spoken(text: str, *, more: bool = False) -> str:
    """A language as recognizers are told it: its code, and as it is given where that says the region, too.

    Args:
        text: A code or a name.
        more: Whether codes that are not known here go through, for recognizers that may know them.

    Raises:
        UsageError: there is no such language.
    """
    code = _known(text)
    if _CODE.fullmatch(text) and (_REGION.search(text) if code else more):
        return text  # the region, or all of it, is for the recognizer
    return code or code_of(text)


def among(language: str, known: Collection[str]) -> str:
    """A language as a model calls it: as it is given where the model knows that, else by its code."""
    code = canonical(language)
    if language in known or code in known:
        return language if language in known else code
    name = _NAMES.get(code, "")
    return next((own for own in known if name and _NAMES.get(own) == name), code)  # Whisper's own code for Javanese


def unknown(model: str, language: str, known: Collection[str]) -> UsageError:
    """The error of a model that does not know a language."""
    hint = "Use a model that knows it." if _known(language) else _hint(language)
    if len(known) <= _FEW and not hint.startswith("Did"):
        hint = f"Known: {', '.join(known) or 'none'}."
    return UsageError(f"{model} does not know the language {language!r}.", hint)


def name_of(code: str | None) -> str:
    """The English name of a language; the code itself where it is not known, nothing for nothing."""
    return _NAMES.get(code or "") or _NAMES.get(_REGION.split(code or "")[0]) or code or ""


def same(one: str | None, other: str | None) -> bool:
    """Whether two codes mean the same language; not where one is not known."""
    return bool(one and other) and canonical(one or "") == canonical(other or "")


def _known(text: str) -> str:
    """The code of a language; empty where it is not known."""
    plain = _folded(text)
    return _CODES.get(plain) or (_CODES.get(_REGION.split(plain)[0], "") if _CODE.fullmatch(plain) else "")


def _hint(text: str) -> str:
    """The language that is meant. Between codes of two letters spelling says nothing."""
    plain = _folded(text)
    if code := _MEANT.get(_REGION.split(plain)[0]):
        return f"Did you mean {code!r} ({_NAMES[code]})?"
    names = [name for name in _ENGLISH if len(plain) > 2 and name.startswith(plain)]
    names += difflib.get_close_matches(plain, _ENGLISH, n=1, cutoff=_ALIKE)
    return f"Did you mean {names[0]!r}?" if names else "Use a code or an English name, such as de or german."
