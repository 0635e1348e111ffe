"""Countries by code and by name, so that ``DE``, ``Germany``, ``Deutschland`` and ``德国`` are the same.

A short table, of where business customers mostly are. A country that isn't on it goes by what was told.
"""

from __future__ import annotations

from scorer.core.labels import Label, Language, pick

COUNTRIES: dict[str, Label] = {
    "AE": Label("United Arab Emirates", "阿联酋"),
    "AR": Label("Argentina", "阿根廷"),
    "AT": Label("Austria", "奥地利"),
    "AU": Label("Australia", "澳大利亚"),
    "BE": Label("Belgium", "比利时"),
    "BG": Label("Bulgaria", "保加利亚"),
    "BR": Label("Brazil", "巴西"),
    "CA": Label("Canada", "加拿大"),
    "CH": Label("Switzerland", "瑞士"),
    "CL": Label("Chile", "智利"),
    "CN": Label("China", "中国"),
    "CO": Label("Colombia", "哥伦比亚"),
    "CZ": Label("Czechia", "捷克"),
    "DE": Label("Germany", "德国"),
    "DK": Label("Denmark", "丹麦"),
    "EE": Label("Estonia", "爱沙尼亚"),
    "EG": Label("Egypt", "埃及"),
    "ES": Label("Spain", "西班牙"),
    "FI": Label("Finland", "芬兰"),
    "FR": Label("France", "法国"),
    "GB": Label("United Kingdom", "英国"),
    "GR": Label("Greece", "希腊"),
    "HK": Label("Hong Kong", "香港"),
    "HR": Label("Croatia", "克罗地亚"),
    "HU": Label("Hungary", "匈牙利"),
    "ID": Label("Indonesia", "印度尼西亚"),
    "IE": Label("Ireland", "爱尔兰"),
    "IL": Label("Israel", "以色列"),
    "IN": Label("India", "印度"),
    "IT": Label("Italy", "意大利"),
    "JP": Label("Japan", "日本"),
    "KR": Label("South Korea", "韩国"),
    "LT": Label("Lithuania", "立陶宛"),
    "LU": Label("Luxembourg", "卢森堡"),
    "LV": Label("Latvia", "拉脱维亚"),
    "MO": Label("Macao", "澳门"),
    "MX": Label("Mexico", "墨西哥"),
    "MY": Label("Malaysia", "马来西亚"),
    "NL": Label("Netherlands", "荷兰"),
    "NO": Label("Norway", "挪威"),
    "NZ": Label("New Zealand", "新西兰"),
    "PH": Label("Philippines", "菲律宾"),
    "PK": Label("Pakistan", "巴基斯坦"),
    "PL": Label("Poland", "波兰"),
    "PT": Label("Portugal", "葡萄牙"),
    "RO": Label("Romania", "罗马尼亚"),
    "RU": Label("Russia", "俄罗斯"),
    "SA": Label("Saudi Arabia", "沙特阿拉伯"),
    "SE": Label("Sweden", "瑞典"),
    "SG": Label("Singapore", "新加坡"),
    "SI": Label("Slovenia", "斯洛文尼亚"),
    "SK": Label("Slovakia", "斯洛伐克"),
    "TH": Label("Thailand", "泰国"),
    "TR": Label("Türkiye", "土耳其"),
    "TW": Label("Taiwan", "台湾"),
    "UA": Label("Ukraine", "乌克兰"),
    "US": Label("United States", "美国"),
    "VN": Label("Vietnam", "越南"),
    "ZA": Label("South Africa", "南非"),
}
"""Name by ISO 3166-1 alpha-2 code."""

_ALSO = {
    **{"deutschland": "DE", "österreich": "AT", "schweiz": "CH", "suisse": "CH", "svizzera": "CH", "italia": "IT"},
    **{"usa": "US", "u.s.": "US", "u.s.a.": "US", "united states of america": "US", "america": "US", "美利坚合众国": "US"},
    **{"uk": "GB", "u.k.": "GB", "great britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB"},
    **{"people's republic of china": "CN", "pr china": "CN", "p.r. china": "CN", "mainland china": "CN", "prc": "CN"},
    **{
        "中国大陆": "CN",
        "中华人民共和国": "CN",
        "españa": "ES",
        "nederland": "NL",
        "the netherlands": "NL",
        "holland": "NL",
    },
    **{"czech republic": "CZ", "polska": "PL", "brasil": "BR", "méxico": "MX", "turkey": "TR", "korea": "KR"},
    **{"republic of korea": "KR", "belgique": "BE", "belgië": "BE", "danmark": "DK", "sverige": "SE", "norge": "NO"},
    **{
        "suomi": "FI",
        "uae": "AE",
        "viet nam": "VN",
        "中国香港": "HK",
        "中国澳门": "MO",
        "中国台湾": "TW",
        "印尼": "ID",
        "沙特": "SA",
    },
    **{"russian federation": "RU", "macau": "MO"},
    **{"deu": "DE", "chn": "CN", "gbr": "GB", "fra": "FR", "esp": "ES", "ita": "IT", "jpn": "JP", "che": "CH", "aut": "AT"},
}
_CODES = {
    **{code.lower(): code for code in COUNTRIES},
    **{label.en.lower(): code for code, label in COUNTRIES.items()},
    **{label.zh: code for code, label in COUNTRIES.items()},
    **_ALSO,
}


def country_of_name(told: str) -> str:
    """The code of a country told by code or name; of one that isn't on the table a code in capitals, else as told.

    >>> country_of_name("Deutschland"), country_of_name("lk"), country_of_name("Atlantis")
    ('DE', 'LK', 'Atlantis')
    """
    told = told.strip()
    known = _CODES.get(told.lower())
    if known:
        return known
    return told.upper() if len(told) == 2 and told.isascii() and told.isalpha() else told


def country_names(country: str) -> tuple[str, ...]:
    """All that a pattern may match of a country, as ``country_of_name`` gave it: code or name told, English, Chinese."""
    label = COUNTRIES.get(country)
    return (country, label.en, label.zh) if label else (country,)


def country_label(country: str, language: Language) -> str:
    """The name of a country in a language; one that isn't on the table as it is.

    >>> country_label("DE", "zh")
    '德国'
    """
    label = COUNTRIES.get(country)
    return pick(label, language) if label else country
