"""The form in which accepted events wait in the queue: one entry for each partition that a request touches."""

from __future__ import annotations

import zlib
from typing import Annotated

import msgspec

from tracker.core.admission import Admission, Body, Caller, Rejected, admit
from tracker.core.events import Event
from tracker.core.layouts import EPOCH
from tracker.core.persons import browser_key


class RequestInfo(msgspec.Struct, frozen=True, array_like=True):
    """What the request itself says about all of its events; used for screening in the worker."""

    agent: str = ""
    """User-Agent header, cut to 512 characters."""
    trusted: bool = False
    gpc: bool = False
    """The browser sent Global Privacy Control: its user asks that nothing be sold or shared."""
    dnt: bool = False
    """The browser sent Do Not Track."""
    prefetch: bool = False
    """The request was made ahead of a visit that may never come."""
    own_traffic: bool = False
    """The request came from a network of the company itself."""
    network: str = ""
    """Company whose network the request came from (see ``tracker.core.network_owners``); empty for a provider's, and
    where nobody looked."""
    mail_click: bool = False
    """The request was for a link in a mail, and told by the collector itself."""
    flood: bool = False
    """The visitors are new, and more than may be from the address that they came from."""
    vouched: str = ""
    """A filter label that somebody says is wrong. The events are the ledger's own, which has them with this label."""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One entry of a partition's stream."""

    site_id: Annotated[int, msgspec.Meta(ge=1, lt=2**31)]
    received_ms: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    info: RequestInfo
    events: list[tuple[str, Event]]
    """Visitor key and event; all of visitors that belong to this partition."""
    rejected: list[Rejected]
    """Refused events, on their way to the dead letters."""

    @property
    def count(self) -> int:
        """Events received with this entry."""
        return len(self.events) + len(self.rejected)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Entry)


def partition_of(site_id: int, visitor_key: str, partitions: int) -> int:
    """Return the partition in which all events of one visitor are kept in order, of the layout *partitions*.

    The first layout of a service is just their number (see ``tracker.core.layouts``): 0 to *partitions* - 1.
    """
    count = partitions % EPOCH
    return partitions - count + zlib.crc32(visitor_key.encode(), site_id) % count


def take_in(
    body: Body, kind: str | None, caller: Caller, received_ms: int, info: RequestInfo, partitions: int
) -> tuple[Admission, list[tuple[int, int, bytes]]]:
    """Return what of *body* is admitted (see ``admit``), and that as entries for the queue (see ``split``)."""
    admission = admit(body, kind, caller, received_ms)
    try:
        return admission, split(admission, caller.site_id, received_ms, info, partitions)
    except OverflowError:
        admission = admit(body, kind, caller, received_ms, check_numbers=True)
        return admission, split(admission, caller.site_id, received_ms, info, partitions)


def split(
    admission: Admission, site_id: int, received_ms: int, info: RequestInfo, partitions: int
) -> list[tuple[int, int, bytes]]:
    """Return ``(partition, events, packed entry)`` for each partition that the request touches."""
    groups: dict[int, list[tuple[str, Event]]] = {}
    for keyed in admission.events:
        # The drain that looks after a browser also does so for a second person on it.
        sender = browser_key(*keyed) if info.vouched else keyed[0]
        partition = partition_of(site_id, sender, partitions)
        group = groups.get(partition)
        if group is None:
            groups[partition] = [keyed]
        else:
            group.append(keyed)
    if admission.rejected and not groups:
        groups[partition_of(site_id, "", partitions)] = []
    packed: list[tuple[int, int, bytes]] = []
    rejected = admission.rejected
    for partition, events in groups.items():
        entry = Entry(site_id, received_ms, info, events, rejected)
        packed.append((partition, len(events) + len(rejected), _encoder.encode(entry)))
        rejected = []
    return packed


def split_again(packed: bytes, partitions: int) -> list[tuple[int, int, bytes]]:
    """Return a packed entry as entries for another layout, in the form of ``split``."""
    entry = unpack(packed)
    return split(Admission(entry.events, entry.rejected), entry.site_id, entry.received_ms, entry.info, partitions)


def unpack(packed: bytes) -> Entry:
    """Return the entry behind *packed*; raise ``msgspec.DecodeError`` when it is none."""
    try:
        return _decoder.decode(packed)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from None


def count_of(packed: bytes) -> tuple[int, int]:
    """Return site and number of events of a packed entry; ``(0, 0)`` for what is none."""
    try:
        entry = unpack(packed)
    except msgspec.DecodeError:
        return 0, 0
    return entry.site_id, entry.count
