"""Rank, function and buying role as job titles say them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.titles import BUYING_ROLES, IN_WORDS, ROLES, SENIORITIES, Position, position_of


@pytest.mark.parametrize(
    ("title", "seniority", "role", "buying_role"),
    [
        ("CEO", "executive", "management", "decider"),
        ("C.E.O.", "executive", "management", "decider"),
        ("CEO/Founder", "executive", "management", "decider"),
        ("Co-Founder & CTO", "executive", "engineering", "decider"),
        ("CTO", "executive", "engineering", "decider"),
        ("CIO", "executive", "it", "decider"),
        ("CFO", "executive", "finance", "decider"),
        ("Chief Procurement Officer", "executive", "purchasing", "decider"),
        ("Chief Human Resources Officer", "executive", "hr", "decider"),
        ("Chief Executive", "executive", "management", "decider"),
        ("President", "executive", "management", "decider"),
        ("Vice President", "executive", "management", "decider"),
        ("Vice-President, Sales", "executive", "sales", "decider"),
        ("VP of Engineering", "executive", "engineering", "decider"),
        ("SVP Operations", "executive", "production", "decider"),
        ("Assistant Vice President", "director", "unknown", "decider"),
        ("Managing Director", "executive", "management", "decider"),
        ("General Manager", "executive", "management", "decider"),
        ("Owner", "executive", "management", "decider"),
        ("Partner", "executive", "management", "decider"),
        ("Managing Partner", "executive", "management", "decider"),
        ("Board Member", "executive", "management", "decider"),
        ("Geschäftsführer", "executive", "management", "decider"),
        ("Geschaeftsfuehrerin", "executive", "management", "decider"),
        ("Mitglied der Geschäftsleitung", "executive", "management", "decider"),
        ("Vizepräsident", "executive", "management", "decider"),
        ("Directeur général", "executive", "management", "decider"),
        ("PDG", "executive", "management", "decider"),
        ("Consejero delegado", "executive", "management", "decider"),
        ("总经理", "executive", "management", "decider"),
        ("副总经理", "executive", "management", "decider"),
        ("副总裁", "executive", "management", "decider"),
        ("董事长兼总裁", "executive", "management", "decider"),
        ("首席技术官", "executive", "engineering", "decider"),
        ("首席执行官", "executive", "management", "decider"),
        ("创始人", "executive", "management", "decider"),
        ("董事会秘书", "executive", "management", "decider"),
        ("Head of Procurement", "director", "purchasing", "decider"),
        ("Purchasing Head", "director", "purchasing", "decider"),
        ("Director of Quality", "director", "quality", "decider"),
        ("Directora de Compras", "director", "purchasing", "decider"),
        ("Leiter Einkauf", "director", "purchasing", "decider"),
        ("Einkaufsleiterin", "director", "purchasing", "decider"),
        ("Werksleiter", "director", "production", "decider"),
        ("Directeur des achats", "director", "purchasing", "decider"),
        ("Plant Manager", "director", "production", "decider"),
        ("技术总监", "director", "engineering", "decider"),
        ("副总监", "director", "unknown", "decider"),
        ("总工程师", "director", "engineering", "decider"),
        ("副总工程师", "director", "engineering", "decider"),
        ("采购部长", "director", "purchasing", "decider"),
        ("厂长", "director", "production", "decider"),
        ("Purchasing Manager", "manager", "purchasing", "influencer"),
        ("Engineering Lead", "manager", "engineering", "influencer"),
        ("Lead Engineer", "manager", "engineering", "influencer"),
        ("Product Manager", "manager", "other", "influencer"),
        ("Assistant Manager", "manager", "unknown", "influencer"),
        ("Teamleiter Vertrieb", "manager", "sales", "influencer"),
        ("Jefe de compras", "manager", "purchasing", "influencer"),
        ("Responsable achats", "manager", "purchasing", "influencer"),
        ("Chef de projet", "manager", "unknown", "influencer"),
        ("Chief Engineer", "manager", "engineering", "influencer"),
        ("IT经理", "manager", "it", "influencer"),
        ("采购经理", "manager", "purchasing", "influencer"),
        ("设备主管", "manager", "maintenance", "influencer"),
        ("车间主任", "manager", "production", "influencer"),
        ("总经理办公室主任", "manager", "unknown", "influencer"),
        ("助理经理", "manager", "unknown", "influencer"),
        ("Manager", "manager", "unknown", "influencer"),
        ("Buyer", "specialist", "purchasing", "influencer"),
        ("Senior Strategic Buyer", "specialist", "purchasing", "influencer"),
        ("Einkäufer", "specialist", "purchasing", "influencer"),
        ("Sachbearbeiter Einkauf", "specialist", "purchasing", "influencer"),
        ("采购", "specialist", "purchasing", "influencer"),
        ("采购专员", "specialist", "purchasing", "influencer"),
        ("Quality Engineer", "specialist", "quality", "user"),
        ("Sales Engineer", "specialist", "sales", "user"),
        ("Software Engineer", "specialist", "it", "user"),
        ("R&D Engineer", "specialist", "research", "user"),
        ("Entwicklungsingenieur", "specialist", "engineering", "user"),
        ("Maintenance Technician", "specialist", "maintenance", "user"),
        ("Account Executive", "specialist", "sales", "user"),
        ("Key Account Manager", "specialist", "sales", "user"),
        ("Sales Executive", "specialist", "sales", "user"),
        ("HR Business Partner", "specialist", "hr", "user"),
        ("Product Owner", "specialist", "other", "user"),
        ("Overhead Crane Operator", "specialist", "unknown", "user"),
        ("Head Office Receptionist", "specialist", "other", "user"),
        ("Internal Auditor", "specialist", "finance", "user"),
        ("International Sales", "specialist", "sales", "user"),
        ("Assistant to the CEO", "specialist", "other", "user"),
        ("CEO's Assistant", "specialist", "other", "user"),
        ("Executive Assistant", "specialist", "other", "user"),
        ("Executive Assistant to the Managing Director", "specialist", "other", "user"),
        ("Assistentin der Geschäftsführung", "specialist", "other", "user"),
        ("Vorstandsassistentin", "specialist", "other", "user"),
        ("Assistante de direction", "specialist", "other", "user"),
        ("PA to the President", "specialist", "other", "user"),
        ("Secretary", "specialist", "other", "user"),
        ("总经理助理", "specialist", "other", "user"),
        ("CEO助理", "specialist", "other", "user"),
        ("董事长秘书", "specialist", "other", "user"),
        ("机械工程师", "specialist", "engineering", "user"),
        ("助理工程师", "specialist", "engineering", "user"),
        ("客户经理", "specialist", "sales", "user"),
        ("研发工程师", "specialist", "research", "user"),
        ("系统管理员", "specialist", "unknown", "user"),
        ("Student", "student", "unknown", "user"),
        ("PhD student", "student", "unknown", "user"),
        ("Werkstudent Marketing", "student", "marketing", "user"),
        ("Praktikant", "student", "unknown", "user"),
        ("Intern", "student", "unknown", "user"),
        ("Intern to the CEO", "student", "unknown", "user"),
        ("博士生", "student", "unknown", "user"),
        ("实习生", "student", "unknown", "user"),
        ("Director of Student Affairs", "director", "unknown", "decider"),
        ("研究生院院长", "executive", "management", "decider"),
        ("Former CEO", "unknown", "unknown", "unknown"),
        ("Advisor to the Board of Directors", "specialist", "unknown", "user"),
        ("Wizard", "unknown", "unknown", "unknown"),
        ("", "unknown", "unknown", "unknown"),
        ("???", "unknown", "unknown", "unknown"),
        ("Company Secretary", "specialist", "other", "user"),
        ("Secretary General", "executive", "management", "decider"),
        ("Chief of Staff", "manager", "unknown", "influencer"),
        ("Supply Chain Manager", "manager", "logistics", "influencer"),
        ("Sales & Marketing Director", "director", "sales", "decider"),
        ("CEO Office Manager", "manager", "other", "influencer"),
        ("Manager, Office of the CEO", "manager", "other", "influencer"),
        ("Deputy Head of Purchasing", "director", "purchasing", "decider"),
        ("Inhaber", "executive", "management", "decider"),
        ("COO", "executive", "production", "decider"),
        ("Facility Manager", "manager", "maintenance", "influencer"),
        ("HR Manager", "manager", "hr", "influencer"),
        ("Nurse", "specialist", "other", "user"),
        ("Professor", "specialist", "research", "user"),
        ("副总", "executive", "management", "decider"),
        ("总监理工程师", "specialist", "engineering", "user"),
        ("前台", "unknown", "unknown", "unknown"),
        ("前总经理", "unknown", "unknown", "unknown"),
        ("前端工程师", "specialist", "engineering", "user"),
        ("Ex-CEO", "unknown", "unknown", "unknown"),
        ("Intern Manager", "student", "unknown", "user"),
        ("Lead Generation Specialist", "specialist", "unknown", "user"),
        ("Personalleiter", "director", "hr", "decider"),
        ("Leiterin Qualitätssicherung", "director", "quality", "decider"),
        ("Reporting Manager", "manager", "unknown", "influencer"),
        ("Directeur technique", "director", "engineering", "decider"),
        ("Gerente de producción", "manager", "production", "influencer"),
        ("Gerente general", "executive", "management", "decider"),
        ("Ingénieur", "specialist", "engineering", "user"),
    ],
)
def test_what_a_title_says(title: str, seniority: str, role: str, buying_role: str) -> None:
    assert position_of(title) == (seniority, role, buying_role)


@given(st.text(max_size=300))
def test_any_text_is_read_and_case_decides_nothing(title: str) -> None:
    seniority, role, buying_role = position_of(title)
    assert (seniority in SENIORITIES, role in ROLES, buying_role in BUYING_ROLES) == (True, True, True)
    if title.isascii():
        assert position_of(title.upper()) == position_of(title.lower())


def test_everything_that_a_title_can_say_has_words_in_both_languages() -> None:
    for word in {*SENIORITIES, *ROLES, *BUYING_ROLES} - {"unknown"}:
        assert IN_WORDS[word].en
        assert IN_WORDS[word].zh


def test_only_the_beginning_of_a_title_is_read() -> None:
    assert position_of("x" * 200 + " CEO") == Position()


def test_a_hostile_title_takes_no_time() -> None:
    began = time.perf_counter()
    for title in ("chief " * 40, "assistant to " * 20, "首席" * 100, "a." * 100, "ingenieur" * 30, "assisten" * 30):
        position_of(title)
    assert time.perf_counter() - began < 0.2
