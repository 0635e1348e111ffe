"""Whose network it is, in every layout; and which owners are companies: real names of networks, judged by hand."""

from __future__ import annotations

import csv
import lzma
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.samples import sample
from tracker.core.network_names import is_large_provider, sounds_like_a_company
from tracker.core.network_owners import MAX_OWNER_LENGTH, is_company, owner_of

RECORDS: dict[str, tuple[dict[str, Any], str, bool]] = {
    "GeoLite2 ASN, a company": (
        {"autonomous_system_number": 29484, "autonomous_system_organization": "Robert Bosch GmbH"},
        "Robert Bosch GmbH",
        True,
    ),
    "GeoLite2 ASN, a provider": (
        {"autonomous_system_number": 3320, "autonomous_system_organization": "Deutsche Telekom AG"},
        "Deutsche Telekom AG",
        False,
    ),
    "DB-IP": ({"as_number": 29484, "as_organization": "Robert Bosch GmbH"}, "Robert Bosch GmbH", True),
    "IPinfo Lite": ({"asn": "AS29484", "as_name": "Robert Bosch GmbH", "as_domain": "bosch.com"}, "Robert Bosch GmbH", True),
    "IPinfo Lite without a name": ({"asn": "AS29484", "as_domain": "bosch.com"}, "bosch.com", True),
    "IPinfo company": (
        {"name": "Halden Networks AG", "domain": "halden.example", "type": "business", "as_name": "M-net", "as_type": "isp"},
        "Halden Networks AG",
        True,
    ),
    "IPinfo, a provider by its type": ({"name": "Halden AG", "type": "isp"}, "Halden AG", False),
    "IPinfo, a host by its type": ({"name": "Halden AG", "type": "hosting"}, "Halden AG", False),
    "IPinfo, a university by its type": ({"name": "Halden AG", "type": "education"}, "Halden AG", False),
    "IPinfo, an office": ({"name": "Halden", "type": "government"}, "Halden", True),
    "a type in capitals": ({"name": "Halden AG", "type": "Hosting"}, "Halden AG", False),
    "a type nobody knows": ({"name": "Halden AG", "type": "other"}, "Halden AG", True),
    "a type that is no text": ({"name": "Halden AG", "type": 7}, "Halden AG", True),
    "the type of the network only": ({"as_name": "Halden AG", "as_type": "hosting"}, "Halden AG", False),
    "a cloud that is a business": ({"name": "Amazon.com, Inc.", "type": "business"}, "Amazon.com, Inc.", False),
    "GeoIP2 ISP, a company's block of a provider's": (
        {
            "autonomous_system_organization": "Deutsche Telekom AG",
            "isp": "Deutsche Telekom AG",
            "organization": "Halden AG",
        },
        "Halden AG",
        True,
    ),
    "GeoIP2 ISP, a carrier": (
        {"isp": "Halden AG", "organization": "Halden AG", "mobile_country_code": "262", "mobile_network_code": "01"},
        "Halden AG",
        False,
    ),
    "GeoIP2 Enterprise": (
        {"traits": {"organization": "Halden AG", "user_type": "business", "connection_type": "Corporate"}},
        "Halden AG",
        True,
    ),
    "a business line bears its provider's name": (
        {"traits": {"organization": "Vodafone GmbH", "user_type": "business"}},
        "Vodafone GmbH",
        False,
    ),
    "somebody's home": ({"traits": {"organization": "Halden AG", "user_type": "residential"}}, "Halden AG", False),
    "a mobile line": ({"organization": "Halden AG", "connection_type": "Cellular"}, "Halden AG", False),
    "a hotel's guests": ({"organization": "Halden AG", "user_type": "traveler"}, "Halden AG", False),
    "a VPN by its mark": ({"organization": "Halden AG", "is_anonymous_vpn": True}, "Halden AG", False),
    "hosting by its mark in words": ({"name": "Halden AG", "hosting": "true"}, "Halden AG", False),
    "no hosting by its mark in words": ({"name": "Halden AG", "hosting": ""}, "Halden AG", True),
    "Connection-Type has no names": ({"connection_type": "Corporate"}, "", False),
    "an empty record": ({}, "", False),
    "a place, not an owner": ({"city": {"names": {"en": "Halden"}}, "country": {"iso_code": "NO"}}, "", False),
    "a name that is no text": ({"organization": ["Halden AG"], "name": 7, "as_name": "Halden AG"}, "Halden AG", True),
    "an empty name": ({"organization": " ", "as_name": "Halden AG"}, "Halden AG", True),
    "a business without a name": ({"type": "business"}, "", False),
    "the number in front": ({"as_name": "AS64500 Halden AG"}, "Halden AG", True),
    "only the number": ({"as_name": "AS64500"}, "", False),
    "traits that are none": ({"traits": "none", "as_name": "Halden AG"}, "Halden AG", True),
    "control characters": ({"as_name": "Halden\x00\n\u202e AG\t"}, "Halden AG", True),
}


@pytest.mark.parametrize(("record", "owner", "company"), RECORDS.values(), ids=RECORDS)
def test_every_layout_is_read(record: dict[str, Any], owner: str, company: bool) -> None:
    found = owner_of(record)
    assert (found, is_company(found, record)) == (owner, company)


def test_a_long_name_is_cut() -> None:
    assert len(owner_of({"as_name": "Halden " * 10_000})) <= MAX_OWNER_LENGTH


COMPANIES = """
Siemens AG | Robert Bosch GmbH | BASF SE | SAP SE | Volkswagen AG | Bayerische Motoren Werke AG | Mercedes-Benz Group AG
ThyssenKrupp AG | Carl Zeiss AG | TRUMPF SE + Co. KG | Endress+Hauser InfoServe GmbH+Co KG | KSB SE & Co. KGaA
Allianz Technology SE | Nestle S.A. | F. Hoffmann-La Roche AG | Novartis Pharma AG | ABB Information Systems Ltd
Airbus SAS | L'Oreal SA | BNP Paribas S.A. | Shell Information Technology International B.V. | Philips International B.V.
ASML Netherlands B.V. | Volvo Information Technology AB | Novo Nordisk A/S | Equinor ASA | Nokia Corporation
Eni S.p.A. | Inditex S.A. | Repsol S.A. | The Boeing Company | General Electric Company | Ford Motor Company
Exxon Mobil Corporation | Caterpillar Inc. | Deere & Company | Pfizer Inc. | JPMorgan Chase & Co. | Walmart Stores, Inc.
3M Company | IBM | Intel Corporation | Texas Instruments Incorporated | Cisco Systems, Inc. | Juniper Networks, Inc.
Bechtel Corporation | Mattel, Inc. | NETFLIX, Inc. | NetApp, Inc. | Weber-Stephen Products LLC | Linklaters LLP
QUALCOMM, Inc. | Broadcom Inc. | Hostess Brands, LLC | Toyota Motor Corporation | Sony Group Corporation | Hitachi, Ltd.
Mitsubishi Electric Corporation | NTT DATA Corporation | Samsung SDS Inc. | Hyundai Motor Company | LG Electronics
State Grid Corporation of China | Bank of China Limited | BYD Company Limited | Haier Group Corporation
Petroleo Brasileiro S/A - Petrobras | Vale S.A. | Tata Motors Limited | Gazprom PJSC | T-Systems International GmbH
City of Chicago | Bundesministerium der Finanzen | European Commission | Mayo Clinic | Comerica Incorporated
CERN - European Organization for Nuclear Research
Fraunhofer-Gesellschaft zur Foerderung der angewandten Forschung e.V.
"""
PROVIDERS = """
Deutsche Telekom AG | Vodafone GmbH | Telefonica Germany GmbH & Co.OHG | 1&1 Versatel Deutschland GmbH
NetCologne Gesellschaft für Telekommunikation mbH | M-net Telekommunikations GmbH | Orange S.A. | Free SAS
Bouygues Telecom SA | Societe Francaise Du Radiotelephone - SFR SA | British Telecommunications PLC | Sky UK Limited
Virgin Media Limited | KPN B.V. | Ziggo B.V. | Proximus NV | Telenet BV | Swisscom (Schweiz) AG | A1 Telekom Austria AG
Telecom Italia S.p.A. | Telia Company AB | Telenor Norge AS | PJSC Rostelecom | PJSC MegaFon | JSC "ER-Telecom Holding"
Turk Telekomunikasyon Anonim Sirketi | TT Mobil İletişim Hizmetleri A.Ş | Comcast Cable Communications, LLC
Charter Communications Inc | AT&T Enterprises, LLC | Verizon Business | T-Mobile USA, Inc. | Cox Communications Inc.
Space Exploration Technologies Corporation | Hughes Network Systems | TELUS Communications Inc. | UNINET
Telmex Colombia S.A. | Claro NXT Telecomunicações Ltda | Reliance Jio Infocomm Limited | Bharti Airtel Ltd.
National Internet Backbone | Chinanet | CHINA UNICOM China169 Backbone | China Mobile communications corporation
China Education and Research Network Center | HKT Limited | KDDI CORPORATION | SoftBank Corp. | NTT DOCOMO, INC.
NTT America, Inc. | Korea Telecom | SK Broadband Co Ltd | LG POWERCOMM | Telstra Corporation Ltd | Viettel Group
PT Telekomunikasi Indonesia | PT Media Nusantara Data | VNPT Corp | TOT Public Company Limited | MTN SA
Safaricom Limited | Emirates Telecommunications Group Company (Etisalat Group) PJSC | Saudi Telecom Company JSC
PWT INTERNET E TECNOLOGIA LTDA - ME | Clik Broadband, LLC | FIBRA SLP | ClickNet Telecom | Wabash Independent Networks
AMAZON-02 | Amazon.com, Inc. | Google LLC | GOOGLE-CLOUD-PLATFORM | Microsoft Corporation | MICROSOFT-CORP-MSN-AS-BLOCK
Oracle Corporation | Hangzhou Alibaba Advertising Co.,Ltd. | Shenzhen Tencent Computer Systems Company Limited
HUAWEI CLOUDS | Beijing Baidu Netcom Science and Technology Co., Ltd. | OVH SAS | Hetzner Online GmbH
Cloudflare, Inc. | Fastly, Inc. | Akamai International B.V. | DigitalOcean, LLC | The Constant Company, LLC
LeaseWeb Netherlands B.V. | Contabo GmbH | IONOS SE | M247 Europe SRL | Datacamp Limited | Hurricane Electric LLC
HostPapa | HUBARA hosting solutions, S.L. | 4 Tire Data Center | Zscaler, Inc. | 中国电信
中国移动通信集团 | 阿里云 | 腾讯云
Massachusetts Institute of Technology | Technische Universitaet Muenchen | Jisc Services Limited | RENATER
Verein zur Foerderung eines Deutschen Forschungsnetzes e.V. | Hankuk University of Foreign Studies Computer Center
Nazareth College of Rochester | East Allen County Schools | Choice Hotels International, Inc.
-Reserved AS- | DoD Network Information Center | A | 12345 | ""
"""
PERSONS = """
FOP Ivanov Ivan Ivanovich | Leszek Checik trading as PROSAT S.C. | Jonathan Nebel | SHI Li Li | Hendrik George Koren
LUIZ ANTONIO MARTINS RAMOS JUNIOR 38443782862 | ALEXANDRE GIOVANELI - ME | Individual Entrepreneur Petrov
"""


def names(text: str) -> list[str]:
    return [name.strip() for line in text.strip().splitlines() for name in line.split("|")]


@pytest.mark.parametrize("name", names(COMPANIES))
def test_companies_are_told(name: str) -> None:
    assert sounds_like_a_company(name)


@pytest.mark.parametrize("name", names(PROVIDERS))
def test_providers_are_refused(name: str) -> None:
    assert not sounds_like_a_company(name)


@pytest.mark.parametrize("name", names(PERSONS))
def test_people_are_refused(name: str) -> None:
    assert not sounds_like_a_company(name)


def test_a_large_provider_is_told_by_whole_words() -> None:
    assert is_large_provider("AMAZON-AES")
    assert not is_large_provider("Amazonas Energia S.A.")
    assert not is_large_provider("Sunrise Banks")


values = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2)
fields = st.sampled_from(["organization", "name", "as_name", "type", "user_type", "traits", "vpn", "mnc", "as_domain"])


@given(st.dictionaries(fields, values | st.dictionaries(fields, values)))
def test_any_record_has_a_short_printable_owner_and_an_answer(record: dict[str, Any]) -> None:
    owner = owner_of(record)
    assert len(owner) <= MAX_OWNER_LENGTH
    assert owner == owner.strip()
    assert owner.isprintable()
    assert is_company(owner, record) in ((True, False) if owner else (False,))


@given(st.sampled_from(names(COMPANIES) + names(PROVIDERS)), st.sampled_from([str.upper, str.lower, str.title]))
def test_capitals_make_no_difference_to_large_providers(name: str, changed: Any) -> None:
    assert is_large_provider(changed(name)) == is_large_provider(name)


def test_of_all_registered_networks_about_half_sound_like_a_company() -> None:
    """A measure rather than a truth: a change that lets all pass, or none, is seen here."""
    path = sample("ip-asn/asn_names.csv.xz")
    with lzma.open(path, "rt", encoding="utf-8", newline="") as file:
        owners = [owner_of({"as_name": row["organisation"]}) for row in csv.DictReader(file)]
    companies = sum(map(sounds_like_a_company, owners))
    print(f"{companies} of {len(owners)} organisations count as companies")
    assert len(owners) == 84_159
    assert 0.35 < companies / len(owners) < 0.55
