"""Filters as people might write them, for the tests of what they mean and of what the database makes of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from scorer.core.segment import FIELDS, MEASURES, SCORES

TEXTS: dict[str, list[str]] = {
    "name": ["Ada Øst", "ada-øst", "O'Hara", "100%", "a_b", 'say "so"', "王小明", "back\\slash", "x/y"],
    "email": ["ada@halden.example", "a_b@x.example", "al%@halden.example"],
    "email_domain": ["halden.example", "HALDEN.example", "x.example", "example"],
    "title": ["Head of Purchasing", "采购经理", "head"],
    "company": ["Halden Water", "halden-water", "ÖRESUND", "科陆 100%"],
    "company_domain": ["halden.example", "x.example"],
    "account": ["co_1", "CO_2", "co_none"],
    "industry": ["Machinery", "machinery", "机械制造"],
    "country": ["DE", "Germany", "Atlantis", "中国"],
    "region": ["Bayern", "München", "MÜNCHEN", "100%"],
    "owner": ["ben", "Ben", "chen"],
    "class": ["Line: Pumps", "line: PUMPS", "Line: 100%", "产品线: 阀门", "Line", "Kind: a_b"],
    "group": ["1", "2", "9", "١", "x"],
    "topic": ["flow-meter", "flow_meter", "%", "阀门"],
}
"""What texts of a field may be, hostile ones among them."""
NUMBERS = (0, 1, 2, 3, 10, 250)


def _values(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from(FIELDS[name].choices or TEXTS[name])


def _test(name: str, test: str) -> st.SearchStrategy[dict[str, Any]]:
    if test == "known":
        return st.fixed_dictionaries({"known": st.booleans()})
    if test in ("at_least", "at_most"):
        bounds = st.sampled_from([bound for bound in NUMBERS if bound < 100 or name not in SCORES])
        return st.one_of(
            st.fixed_dictionaries({test: bounds}),
            st.lists(bounds, min_size=2, max_size=2).map(lambda two: {"at_least": min(two), "at_most": max(two)}),
        )
    many = st.lists(_values(name), min_size=1, max_size=3)
    told = {"in": many, "not": many | _values(name)}.get(test, _values(name))
    return st.fixed_dictionaries({test: told})


def _condition(name: str) -> st.SearchStrategy[dict[str, Any]]:
    return (
        st.sampled_from(FIELDS[name].tests).flatmap(lambda test: _test(name, test)).map(lambda told: {"field": name, **told})
    )


_bounds = st.sampled_from([{bound: value} for bound in ("at_least", "at_most") for value in range(4)])
_windows = st.builds(
    lambda days, measure, bounds: {"within_days": days, measure: bounds},
    st.sampled_from([1, 7, 30]),
    st.sampled_from(list(MEASURES)),
    _bounds | st.just({"at_least": 1, "at_most": 3}),
)


def segments_written(levels: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    """Filters as plain data, up to so many levels deep."""
    found: st.SearchStrategy[dict[str, Any]] = st.sampled_from(list(FIELDS)).flatmap(_condition) | _windows
    for _ in range(levels):
        parts = st.lists(found, min_size=1, max_size=3)
        found = st.one_of(
            found,
            st.fixed_dictionaries({"not": found}),
            st.fixed_dictionaries({"all": parts}),
            st.fixed_dictionaries({"any": parts}),
        )
    return found
