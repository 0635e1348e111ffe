"""The made-up people and companies of the sample story. None exists; every domain is reserved for examples (RFC 2606)."""

from __future__ import annotations

import random
from typing import Literal

import msgspec

Persona = Literal[
    "bouncer",  # one glance
    "student",  # reads the documentation in the evening
    "job_seeker",  # looks at vacancies only
    "competitor",  # looks at everything, quickly
    "engineer",  # warms slowly over weeks
    "hot_team",  # colleagues who compare, then decide, in these days
    "warm_team",  # colleagues who have begun to compare
    "hot_buyer",  # in the last week before buying
    "returning",  # back after a month of silence
    "cooled",  # was keen a month ago
    "customer",  # has bought; reads the documentation
    "deal",  # looked closely some time in these three months, and was spoken with
    "called",  # left an address at a fair, was called, and had not been looking for anything
]


class Company(msgspec.Struct, frozen=True):
    """A company of the story."""

    name: str
    domain: str
    """In ASCII; a Chinese name is in punycode."""
    industry: str
    employees: int
    country: str
    timezone: str
    locale: str


class Character(msgspec.Struct, frozen=True):
    """A visitor of the story: one person on one device."""

    number: int
    anonymous_id: str
    persona: Persona
    name: str
    email: str
    phone: str
    """Empty where the country has no numbers set aside for fiction."""
    title: str
    company: Company
    user_agent: str
    is_mobile: bool
    likes_hour: float
    """Local time of day at which the person usually visits."""
    twin_of: int = -1
    """Number of the same person's first device; -1 for a first device."""


_PLACES = {
    "DE": ("Europe/Berlin", "de-DE"),
    "GB": ("Europe/London", "en-GB"),
    "US": ("America/Chicago", "en-US"),
    "US-W": ("America/Los_Angeles", "en-US"),
    "CN": ("Asia/Shanghai", "zh-CN"),
    "FR": ("Europe/Paris", "fr-FR"),
    "SE": ("Europe/Stockholm", "sv-SE"),
    "BR": ("America/Sao_Paulo", "pt-BR"),
    "AU": ("Australia/Sydney", "en-AU"),
    "IN": ("Asia/Kolkata", "en-IN"),
    "AE": ("Asia/Dubai", "en-GB"),
    "NZ": ("Pacific/Auckland", "en-NZ"),
}

_COMPANIES = """
Halden Foods|halden-foods.example|Food and beverages|420|GB
Brauhaus Altmark|brauhaus-altmark.example|Food and beverages|160|DE
Molkerei Sonnental|sonnental.example|Food and beverages|290|DE
Rheintal Chemie|rheintal-chemie.example|Chemicals|1900|DE
Stadtwerke Lindenau|stadtwerke-lindenau.example|Water supply|640|DE
Anlagenbau Kessler|kessler.example|Plant engineering|85|DE
Northmoor Water|northmoor-water.example|Water supply|1250|GB
Pennine Brewing|pennine-brewing.example|Food and beverages|70|GB
Castlegate Pharma|castlegate.example|Pharmaceuticals|2300|GB
Great Lakes Paper|greatlakes-paper.example|Paper|980|US
Prairie Ethanol|prairie-ethanol.example|Chemicals|310|US
Lone Star Water District|lonestar-water.example|Water supply|210|US
Redwood Semiconductors|redwood-semi.example|Electronics|3400|US-W
Cascade Cooling|cascade-cooling.example|Plant engineering|130|US-W
Sierra Dairy|sierra-dairy.example|Food and beverages|240|US-W
青岛泵业|青岛泵业.example|Machinery|560|CN
苏州精密仪器|suzhou-precision.example|Machinery|320|CN
东海水务集团|东海水务.example|Water supply|2700|CN
华南化工|huanan-chem.example|Chemicals|1500|CN
长江酿造|changjiang-brewing.example|Food and beverages|430|CN
西部能源工程|western-energy.example|Plant engineering|880|CN
宁波阀门厂|宁波阀门.example|Machinery|190|CN
Eaux du Midi|eaux-du-midi.example|Water supply|350|FR
Laiteries Bellerive|bellerive.example|Food and beverages|760|FR
Lyon Biotech|lyon-biotech.example|Pharmaceuticals|140|FR
Skogsbruk Pappers|skogsbruk.example|Paper|1100|SE
Malmö Fjärrvärme|malmo-fjarrvarme.example|Energy|270|SE
Usina Boa Vista|boavista.example|Chemicals|650|BR
Águas do Planalto|aguas-planalto.example|Water supply|480|BR
Southern Cross Mining|southerncross-mining.example|Mining|2100|AU
Murray Irrigation|murray-irrigation.example|Agriculture|95|AU
Deccan Pumps|deccan-pumps.example|Machinery|370|IN
Ganga Textiles|ganga-textiles.example|Textiles|1300|IN
Coromandel Power|coromandel-power.example|Energy|1700|IN
Gulf Desalination|gulf-desalination.example|Water supply|900|AE
Kauri Dairy|kauri-dairy.example|Food and beverages|330|NZ
Tasman Aquaculture|tasman-aqua.example|Agriculture|60|NZ
Brightflow Sensors|brightflow-sensors.example|Measuring instruments|450|US
测通仪表|测通仪表.example|Measuring instruments|700|CN
Nordhavn Technical University|tu-nordhavn.example|Education|2500|SE
"""

_PAST_COMPANIES = """
Alster Getränke|alster-getraenke.example|Food and beverages|310|DE
Stadtwerke Moorhausen|stadtwerke-moorhausen.example|Water supply|420|DE
Harzer Metallwerke|harzer-metall.example|Machinery|950|DE
Oderland Zucker|oderland-zucker.example|Food and beverages|680|DE
Fenland Water|fenland-water.example|Water supply|1400|GB
Calder Chemicals|calder-chemicals.example|Chemicals|540|GB
Ashdown Dairies|ashdown-dairies.example|Food and beverages|120|GB
Tidewater Energy|tidewater-energy.example|Energy|2200|US
Blue Mesa Utilities|bluemesa.example|Water supply|260|US
Hickory Foods|hickory-foods.example|Food and beverages|830|US
Columbia Bend Brewing|columbiabend.example|Food and beverages|90|US-W
无锡水处理|wuxi-water.example|Water supply|470|CN
成都化纤|成都化纤.example|Chemicals|1900|CN
大连造纸|dalian-paper.example|Paper|760|CN
杭州医药|hangzhou-pharma.example|Pharmaceuticals|1200|CN
Brasserie de la Vanne|brasserie-vanne.example|Food and beverages|60|FR
Rhône Traitement|rhone-traitement.example|Water supply|390|FR
Norrland Energi|norrland-energi.example|Energy|1500|SE
Vänern Skog|vanern-skog.example|Paper|340|SE
Açúcar do Vale|acucar-vale.example|Food and beverages|880|BR
Pilbara Minerals Works|pilbara-works.example|Mining|1750|AU
Malabar Refining|malabar-refining.example|Chemicals|2600|IN
Crescent Utilities|crescent-utilities.example|Energy|610|AE
Otago Creameries|otago-creameries.example|Food and beverages|190|NZ
"""
"""Of these people came who have decided since, and hardly anybody comes now."""

RIVALS = ("Brightflow Sensors", "测通仪表")
UNIVERSITY = "Nordhavn Technical University"


def _names(text: str) -> list[str]:
    return text.split("|")


_WESTERN = _names(
    "Anna Becker|Jonas Keller|Mia Hoffmann|Lukas Brandt|Petra Vogel|Stefan Kraus|Katrin Engel|Oliver Hughes|Emily Carter|"
    "James Whitfield|Sophie Turner|Harriet Cole|Daniel Brooks|Megan Foster|Robert Lindqvist|Laura Jensen|Erik Sandberg|"
    "Claire Moreau|Luc Fontaine|Camille Girard|Rafael Costa|Beatriz Almeida|Thiago Rocha|Priya Nair|Arjun Mehta|"
    "Kavya Reddy|Omar Haddad|Leila Mansour|Jack Thornton|Ruby Walsh|Aroha Ngata|Noah Bennett|Grace Sullivan|Ethan Price|"
    "Olivia Grant|Samuel Ortiz|Hannah Weiss|Felix Sommer|Nora Dahl|Tomás Vidal"
)
_CHINESE = _names(
    "王芳:wang.fang|李强:li.qiang|张伟:zhang.wei|刘洋:liu.yang|陈静:chen.jing|杨帆:yang.fan|赵敏:zhao.min|黄磊:huang.lei|"
    "周涛:zhou.tao|吴倩:wu.qian|徐晨:xu.chen|孙丽:sun.li|马超:ma.chao|朱琳:zhu.lin|胡军:hu.jun|郭雪:guo.xue|何平:he.ping|"
    "林悦:lin.yue|高翔:gao.xiang|罗兰:luo.lan"
)

_TITLES: dict[Persona, tuple[str, ...]] = {
    "student": ("Student",),
    "competitor": ("Product Manager", "Market Analyst"),
    "engineer": ("Process Engineer", "Automation Engineer", "Maintenance Engineer", "Instrumentation Engineer"),
    "hot_team": ("Head of Procurement", "Process Engineer", "Plant Manager", "Automation Engineer"),
    "warm_team": ("Process Engineer", "Project Manager", "Purchasing Manager"),
    "hot_buyer": ("Plant Manager", "Head of Engineering", "Purchasing Manager", "Managing Director"),
    "returning": ("Technical Director", "Project Manager"),
    "cooled": ("Process Engineer", "Purchasing Manager", "Plant Manager"),
    "customer": ("Service Technician", "Automation Engineer"),
    "deal": ("Plant Manager", "Head of Engineering", "Purchasing Manager", "Process Engineer", "Managing Director"),
    "called": ("Project Manager", "Maintenance Engineer", "Student"),
}

_CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 {}Safari/537.36"
_WINDOWS, _MAC, _LINUX = "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
_DESKTOPS = (
    *(_CHROME.format(_WINDOWS, version, "") for version in (147, 148, 149, 149)),
    _CHROME.format(_WINDOWS, 149, "") + " Edg/149.0.0.0",
    _CHROME.format(_WINDOWS, 148, "") + " Edg/148.0.0.0",
    _CHROME.format(_MAC, 149, ""),
    _CHROME.format(_LINUX, 149, ""),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:147.0) Gecko/20100101 Firefox/147.0",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0",
    f"Mozilla/5.0 ({_MAC}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
)
_MOBILES = (
    _IPHONE + "Version/18.5 Mobile/15E148 Safari/604.1",
    _CHROME.format("Linux; Android 10; K", 149, "Mobile "),
    _CHROME.format("Linux; Android 15; SM-S921B", 148, "Mobile "),
    _CHROME.format("Linux; Android 10; K", 145, "Mobile ").replace(" Chrome/", " SamsungBrowser/28.0 Chrome/"),
)
_WECHAT = _IPHONE + "Mobile/15E148 MicroMessenger/8.0.60(0x18003c2f) NetType/WIFI Language/zh_CN"

_CROWD: tuple[tuple[Persona, int], ...] = (
    ("bouncer", 152),
    ("student", 34),
    ("job_seeker", 26),
    ("competitor", 6),
    ("engineer", 18),
    ("hot_buyer", 5),
    ("returning", 7),
    ("cooled", 20),
    ("customer", 16),
)
_TEAMS: tuple[tuple[Persona, int], ...] = (
    ("hot_team", 4),
    ("hot_team", 3),
    ("warm_team", 3),
    ("warm_team", 2),
    ("warm_team", 2),
)
_PAST: tuple[tuple[Persona, int], ...] = (("deal", 44), ("called", 16))
_SECOND_DEVICES = frozenset(("engineer", "hot_buyer", "hot_team"))
_EVENING = frozenset(("student", "job_seeker", "bouncer"))


def companies(text: str = _COMPANIES + _PAST_COMPANIES) -> list[Company]:
    """Return the companies of a table."""
    found = []
    for line in text.split("\n"):
        if line:
            name, domain, industry, employees, place = line.split("|")
            timezone, locale = _PLACES[place]
            ascii_domain = domain.encode("idna").decode()
            found.append(Company(name, ascii_domain, industry, int(employees), place[:2], timezone, locale))
    return found


def cast(seed: int) -> list[Character]:
    """Return the visitors of the story with *seed*: the same seed, the same visitors."""
    rng = random.Random(f"cast {seed}")  # noqa: S311  # a story, no secret
    everyone = companies(_COMPANIES)
    buyers = [company for company in everyone if company.name not in (*RIVALS, UNIVERSITY)]
    rng.shuffle(buyers)
    characters: list[Character] = []
    for place, (persona, size) in enumerate(_TEAMS):
        for member in range(size):
            characters.append(_character(rng, seed, len(characters), persona, buyers[place], member))
    for persona, count in _CROWD:
        for index in range(count):
            if persona == "competitor":
                company = next(each for each in everyone if each.name == RIVALS[index % 2])
            elif persona == "student":
                company = next(each for each in everyone if each.name == UNIVERSITY)
            else:
                # Whoever buys alone works where no team does, so that every company has one story.
                company = buyers[len(_TEAMS) + rng.randrange(len(buyers) - len(_TEAMS))]
            characters.append(_character(rng, seed, len(characters), persona, company, index))
    characters += _twins(rng, seed, characters)
    earlier = companies(_PAST_COMPANIES)
    for persona, count in _PAST:
        for index in range(count):
            characters.append(_character(rng, seed, len(characters), persona, rng.choice(earlier), index))
    return characters


def _character(rng: random.Random, seed: int, number: int, persona: Persona, company: Company, index: int) -> Character:
    name, local_part = _person(number, company)
    is_mobile = rng.random() < (0.45 if persona in _EVENING else 0.08)
    titles = _TITLES.get(persona, ("",))
    return Character(
        number=number,
        anonymous_id=f"story-{seed}-{number:03}",
        persona=persona,
        name=name,
        email=f"{local_part}@{company.domain}",
        phone=_phone(rng, company.country),
        title=titles[index % len(titles)],
        company=company,
        user_agent=_agent(rng, company, is_mobile),
        is_mobile=is_mobile,
        likes_hour=rng.uniform(17.5, 21.5) if persona in _EVENING else rng.choice((9.0, 9.5, 10.5, 11.0, 14.0, 15.5)),
    )


def _twins(rng: random.Random, seed: int, characters: list[Character]) -> list[Character]:
    """The second devices: whoever looks often looks from the telephone too."""
    people = [character for character in characters if character.persona in _SECOND_DEVICES and not character.is_mobile]
    return [
        msgspec.structs.replace(
            person,
            number=len(characters) + index,
            anonymous_id=f"story-{seed}-{len(characters) + index:03}",
            user_agent=_agent(rng, person.company, is_mobile=True),
            is_mobile=True,
            likes_hour=person.likes_hour + 8 if person.likes_hour < 11 else 8.0,
            twin_of=person.number,
        )
        for index, person in enumerate(people)
    ]


def _person(number: int, company: Company) -> tuple[str, str]:
    """Name, and the part of the address before the @; unique within a company."""
    if company.country == "CN":
        name, _, local_part = _CHINESE[number % len(_CHINESE)].partition(":")
        again = number // len(_CHINESE)
    else:
        name = _WESTERN[number % len(_WESTERN)]
        local_part = name.lower().replace(" ", ".").replace("á", "a")
        again = number // len(_WESTERN)
    return name, local_part + (str(again + 1) if again else "")


def _phone(rng: random.Random, country: str) -> str:
    """A number that its country keeps free for films and books."""
    ending = rng.randrange(100)
    return {"US": f"+1 312 555 01{ending:02}", "GB": f"+44 1632 9600{ending:02}", "DE": f"+49 30 231250{ending:02}"}.get(
        country, ""
    )


def _agent(rng: random.Random, company: Company, is_mobile: bool) -> str:
    if not is_mobile:
        return rng.choice(_DESKTOPS)
    return rng.choice((*_MOBILES, _WECHAT, _WECHAT) if company.country == "CN" else _MOBILES)
