"""Whether a name is that of a company rather than of a provider or a person, told by the words in it.

About half of the 84,000 registered networks are providers', in all languages, and mostly small ones nobody has heard of.
So what sounds like one is refused: a hint that is missing costs nothing, and a wrong one misleads.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final


@lru_cache(maxsize=16_384)
def sounds_like_a_company(name: str) -> bool:
    """Decide by the words in it whether *name* is a company's.

    >>> sounds_like_a_company("Robert Bosch GmbH"), sounds_like_a_company("Netcologne Breitband GmbH")
    (True, False)
    """
    folded = _folded(name)
    words = _WORD.findall(folded)
    if not any(len(word) > 1 and not word.isdigit() for word in words) or _is_large(words):
        return False
    judged = _EXCEPTIONS.sub(" ", folded)
    if any(map(_is_word_of_a_provider, _WORD.findall(judged))) or any(part in judged for part in _PARTS):
        return False
    if words[0] == "pt" and not _INDONESIAN_PROVIDERS.isdisjoint(words):
        return False
    return not _is_sole_trader(words) and not _may_be_a_person(folded)


@lru_cache(maxsize=16_384)
def is_large_provider(name: str) -> bool:
    """Decide whether *name* is one of the large clouds, hosts, carriers, or of a service that passes on others' traffic.

    >>> is_large_provider("Amazon.com, Inc."), is_large_provider("Amazonas Energia S.A.")
    (True, False)
    """
    return _is_large(_WORD.findall(_folded(name)))


def _is_large(words: list[str]) -> bool:
    if not _LARGE_WORDS.isdisjoint(words):
        return True
    line = f" {' '.join(words)} "
    return any(phrase in line for phrase in _LARGE_PHRASES) or (" ntt " in line and " ntt data " not in line)


def _is_sole_trader(words: list[str]) -> bool:
    if words[0] in _TRADERS_BEGIN or words[-1] in _TRADERS_END or not _TRADERS.isdisjoint(words):
        return True
    line = f" {' '.join(words)} "
    # In Brazil, with the number of the person behind the name.
    return any(len(word) > 8 and word.isdigit() for word in words) or any(phrase in line for phrase in _TRADING)


def _is_word_of_a_provider(word: str) -> bool:
    if word in _WORDS:
        return True
    return len(word) > 3 and word not in _HARMLESS and (word.endswith(_ENDINGS) or word.startswith(_BEGINNINGS))


def _may_be_a_person(folded: str) -> bool:
    """Decide whether a name could be a person's: two to four words, none of which is an organisation's."""
    if not _ONLY_WORDS.fullmatch(folded):
        return False
    words = _WORD.findall(folded.replace(".", ""))
    return 2 <= len(words) <= 4 and _MARKS.isdisjoint(words)


def _folded(text: str) -> str:
    """Return *text* in lower case and without accents, as the lists below are read."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign)).replace("ı", "i")


def _set_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _texts_of(text: str) -> tuple[str, ...]:
    """Return the texts in *text*, in which _ stands for a space."""
    return tuple(_folded(one.replace("_", " ")) for one in text.split())


_WORD: Final = re.compile(r"[^\W_]+")
_ONLY_WORDS: Final = re.compile(r"[^\W\d_]+(?:[ .,'-]+[^\W\d_]+)*\.?")

_PARTS: Final = _texts_of(
    # Access.
    """
        telecom telekom telefon telephon telco communicat comunica komunik kommunikat teletech broadband broad_band
        bredband breitband banda_larga bandalarga banda_ancha bandaancha internet wireless wifi wi-fi wimax fibra fiber
        fibre glasfaser glasvezel svetlovod cable_tv catv cabletv cablevision kabeltv satellit satelit
        provedor provider proveedor fournisseur backbone peering ethernet voip wlan online svyaz sviaz
        """
    # Hosts, clouds, networks that deliver or hide.
    """
        host datacenter data_center datacentre data_centre datacentr centro_de_datos rechenzentrum dataline colocation
        cloud nuvem nuage server servidor serveur vpn dedicated_ virtual_private anonymi
        """
    # Universities and schools.
    """
        universi univerz uniwersy politechni politecnic polytechn college school schule hogeschool hogskol hojskole
        institute_of_technology institut_teknologi student campus academ akadem education educac educa enseignement
        forschungsnetz ecole_ escuela escola gimnazij gymnasi kolleg
        """
    # Russian, Chinese, Japanese, Korean.
    """
        телеком связь интернет провайдер хостинг кабел оптик университет 电信 電信
        联通 移动通信 移動通信 中国移动 网络 網路 網絡 宽带 寬頻
        云 机房 数据中心 數據中心 教育网 大学 大學 通信 インターネット ネットワーク 통신 텔레콤 인터넷 대학
        """
    # Nobody.
    """
        reserved_as unallocated not_announced private_customer
        """
)
"""Looked for anywhere in a name."""

_WORDS: Final = _set_of(
    """
    isp isps wisp ix ixp net nets netz lan wan gpon ftth dsl adsl vdsl lte 5g tel tele tv iptv television televisao
    televisie cable cables cabo kabel cabel mobile mobil mobiles mobility movil moviles cell cellular celular gsm
    network networks networking netzwerk netzwerke netze netwerk netwerken rede redes red reseau reseaux jaringan
    retele siec sieci conexao conexoes conexion connect connected connection connections connectivity tvnet konnect
    link links comm comms banda acesso access accesso carrier carriers isdn wave waves vps cdn dns colo proxy ddos
    anycast idc webhosting domains rackspace servers compute bandwidth informatica informatika tecnologia tecnologias
    telematica telematika multimidia multimedia bilisim iletisim provaider infotech infobox informatique antiddos
    hackerspace hotspot hotspots convention hotel hotels hostel resort resorts navy army marines geant renater surfnet
    cernet cstnet dfn garr switch sanet janet jisc unknown reserved iana ripe apnic arin lacnic afrinic
    """
)
"""Whole words."""

_ENDINGS: Final = (
    *("net", "link", "web", "lan", "isp", "tel", "com", "comm", "phone", "fone", "mobile", "cell"),
    *("wave", "sat", "band", "sky"),
)
_BEGINNINGS: Final = ("net", "link", "web", "wire", "wifi", "tele", "vps")
"""How providers like their names to begin and end: Netlink, Telesat, Vipnet, Versatel."""

_HARMLESS: Final = _set_of(
    """
    teledyne teleflex telegraph telegraaf telemark telemedicine telehealth telescope telesis telefunken netflix netapp
    netsuite netcare netto nettle netherlands netzsch netafim nettetal netsol netscout weber webasto webster webb
    webcor linkedin linklaters linkoping wireline intel mattel alcatel bechtel cartel mantel martel castel nortel
    fortinet broadcom qualcomm viacom transat magnet cabinet planet garnet bonnet hornet cygnet cornet monet linet
    plan milan alan catalan dylan kaplan magellan nolan harlan microwave gramophone cobweb
    """
)
"""Words that begin or end so and mean nothing by it."""

_EXCEPTIONS: Final = re.compile(
    "|".join(
        _texts_of(
            """
        exxon_mobil exxonmobil arista_networks juniper_networks extreme_networks f5_networks nokia_solutions_and_networks
        ghost hostess automobile access_bank
        """
        )
    )
)
"""Companies that would be taken for providers."""

_TRADERS_BEGIN: Final = _set_of("fop flp fl pe ip chp spd ie pp")
_TRADERS_END: Final = _set_of("me mei epp")
_TRADERS: Final = _set_of("eireli individual entrepreneur einzelunternehmen einzelunternehmer jednoosobowa selfemployed dba")
_TRADING: Final = (
    " trading as ",
    " t a ",
    " d b a ",
    " sole trader ",
    " sole proprietor ",
    " private person ",
    " fizicka osoba ",
)
"""Sole traders, by the forms of several countries. Most are small providers, and all would have a person named."""

_MARKS: Final = _set_of(
    """
    inc incorporated corp corporation co company companies llc llp lp ltd limited plc gmbh ag kg kgaa se ohg ev eg mbh
    sa sas sarl sasu spa srl srls sl slu bv nv ab asa as oy oyj aps kft zrt nyrt sro kk pte pty pvt private bhd sdn pt
    tbk pjsc jsc ojsc cjsc pao oao ooo ao zao sia uab ou eood ood ad doo dd ltda lda cia sti sirketi anonim sapi saa
    sac sae fze fzco group groupe gruppe gruppo grupo holding holdings gesellschaft aktiengesellschaft aktiebolag
    cooperative bank banks banco banque banca bankas sparkasse volksbank raiffeisen insurance assurance versicherung
    versicherungen sigorta mutual trust fund funds capital finance financial securities investment investments credit
    partners associates law services service industries industry industrie werke stadtwerke solutions systems
    technologies technology labs laboratories laboratory international global software engineering city county state
    states town township village district council region regional province ministry ministerie ministerium
    bundesministerium bundesamt ministere ministerio department departement authority agency administration government
    federal national nacional royal office bureau board commission parliament police sheriff court municipality
    municipio prefeitura gemeente gemeinde stadt stadtverwaltung landkreis kommune kommun comune ayuntamiento mairie
    conseil pemerintah dinas republic commonwealth embassy customs tax treasury reserve army ambulance hospital
    hospitals clinic klinik klinikum krankenhaus health healthcare medical pharma pharmaceutical pharmaceuticals
    institute institut instituto research foundation fundacion fundacao fondation fondazione stiftung association
    verein verband union society societe church museum library zoo center centre centrum zentrum airport airlines
    airways air railway railways rail port energy energie power electric electricity gas oil water mining steel motors
    motor automotive auto logistics transport transportation shipping foods food instruments chemical chemicals cement
    paper aerospace aviation press news newspapers media properties tire stores retail electronics
    """
)
"""Words of organisations, legal forms first. Without one, a name of a few words may be that of a person."""

_INDONESIAN_PROVIDERS: Final = _set_of(
    """
    media data digital lintas solusi nusantara teknologi jaringan infotek global net cyber akses komunikasi sinergi
    """
)
"""A company (PT) with one of these words in its name is a provider more often than not."""

_LARGE: Final = _texts_of(
    # Clouds, hosts and content networks.
    """
        amazon aws amazonaws google microsoft azure alibaba aliyun alicloud tencent huawei baidu bytedance kingsoft ucloud
        qiniu netease ovh ovhcloud hetzner cloudflare fastly akamai linode digitalocean vultr choopa the_constant_company
        leaseweb contabo ionos 1&1 1und1 strato scaleway iliad godaddy softlayer oracle m247 datacamp cdn77 gcore g-core
        hurricane_electric cogent zayo lumen level_3 level3 centurylink gtt arelion edgecast edgio limelight incapsula
        imperva stackpath equinix facebook meta_platforms yandex selectel timeweb upcloud gandi infomaniak aruba_s seeweb
        dreamhost namecheap squarespace automattic heroku vercel netlify fly.io servers.com psychz quadranet colocrossing
        sharktech frantech buyvm interserver hivelocity internap nocix steadfast wholesale_internet worldstream serverius
        transip clouvider packethub tefincom nordvpn mullvad surfshark proton_ag
        """
    # What companies send their people's traffic through: the name behind it isn't theirs.
    """
        zscaler netskope iboss forcepoint opendns palo_alto_networks cato_networks menlo_security mcafee
        """
    # Carriers whose names don't give them away.
    """
        comcast verizon at&t sprint vodafone bt british_sky sky_uk virgin_media talktalk ee_limited o2
        unitymedia liberty_global ziggo kpn proximus telenet telia telenor tele2 elisa dna_oyj tdc claro tim_s tim_sa
        wind_tre windtre free_sas sfr numericable swisscom sunrise_gmbh upc magenta megafon mts beeline vimpelcom
        kyivstar turkcell superonline etisalat emirates_integrated stc mobily zain ooredoo mtn safaricom jio bsnl hathway
        singtel starhub maxis celcom axiata globe_tele pldt viettel vnpt fpt indosat telkomsel xl_axiata kddi softbank
        ntt_docomo ntt_pc ntt_america docomo biglobe so-net nifty iij kt_corp uplus lg_dacom lg_powercomm sk_broadband
        china_mobile china_unicom unicom chinanet chinatelecom cmnet chunghwa hinet hkt pccw hgc hkbn optus telstra tpg
        vocus spark_new_zealand rogers telus shaw videotron cogeco bell_canada bell_mts telmex izzi tot_public megacable
        totalplay movistar embratel algar brisanet spacex space_exploration starlink viasat hughes echostar intelsat
        inmarsat windstream altice cablevision suddenlink mediacom tds frontier_comm rcn cincinnati_bell
        consolidated_comm ziply orange_s orange_polska orange_espagne orange_belgium orange_romania er-telecom ttk
        rostelecom dod_network
        """
)
_LARGE_WORDS: Final = frozenset(one for one in _LARGE if _WORD.fullmatch(one))
_LARGE_PHRASES: Final = tuple(f" {' '.join(_WORD.findall(one))} " for one in _LARGE if not _WORD.fullmatch(one))
