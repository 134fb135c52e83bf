"""Languages: their codes and English names, and which one a user means.

Records and options hold ISO 639-1 codes, and ISO 639-3 ones for languages that have no shorter one, as Whisper does.
"""

from __future__ import annotations

from ger.errors import UsageError
from ger.registry import suggest

__all__ = ["canonical", "name_of", "same", "target"]

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
_ROWS = [entry.split(maxsplit=2) for entry in _TABLE.replace("\n", " ").split(";")]
_NAMES = {code: names.split(", ")[0] for code, _, names in _ROWS}
#: Everything that a language may be called, in lower case, with its code.
_CODES = (
    {name.lower(): code for code, _, names in reversed(_ROWS) for name in names.split(", ")}
    | {long: code for code, long, _ in reversed(_ROWS)}
    | {code: code for code in _NAMES}
)


def canonical(text: str) -> str:
    """The code of a language given by code or English name, in any case; what is not known comes back as it is."""
    plain = " ".join(text.split()).lower()
    return _CODES.get(plain, text.strip())


def target(text: str) -> str:
    """The code of a language to translate into.

    A region behind the code (`pt-BR`, `zh_Hans`) is not looked at.

    Raises:
        UsageError: there is no such language.
    """
    code = canonical(text)
    if code not in _NAMES:
        code = canonical(text.replace("_", "-").partition("-")[0])
    if code not in _NAMES:
        raise UsageError(f"There is no language called {text!r}.", _meant(text))
    return code


def _meant(text: str) -> str:
    """The language that is meant, by its name if what was given is longer than a code."""
    plain = text.strip().lower()
    if len(plain) > 3:
        names = [name.lower() for name in _CODES if len(name) > 3]
        hint = suggest(plain, names)
        if hint.startswith("Did"):
            return hint
    elif (hint := suggest(plain, _NAMES)).startswith("Did"):
        code = hint.split("'")[1]
        return f"Did you mean {code!r} ({_NAMES[code]})?"
    return "Use a code or an English name, such as de or german."


def name_of(code: str | None) -> str:
    """The English name of a language; the code itself where it is not known, nothing for nothing."""
    return _NAMES.get(code or "", code or "")


def same(one: str | None, other: str | None) -> bool:
    """Whether two codes mean the same language; not where one is not known."""
    return bool(one and other) and canonical(one or "") == canonical(other or "")
