"""What each column of the database is for, and what it says of a person: the one place from which the data map is made.

A line a column: its name, what kind of personal data it is, and why it is kept. Kinds: ``-`` nothing of a person by itself;
``pseudonym`` a number or digest that stands for one; ``identity``; ``contact``; ``behaviour``; ``judgement`` what was
concluded of the person; ``text`` words that may name anybody; ``staff`` of the company's own people.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import msgspec

Kind = Literal["-", "pseudonym", "identity", "contact", "behaviour", "judgement", "text", "staff"]
KINDS: Final = get_args(Kind)


class Column(msgspec.Struct, frozen=True):
    """One column."""

    kind: Kind
    purpose: str


class Purpose(msgspec.Struct, frozen=True):
    """One table."""

    purpose: str
    ends: str
    """When rows go by themselves. Of tables in ``core.personal_data`` that list says it."""
    lines: str
    apart: str = ""
    """Of a table that says something of visitors or leads, and is in no export or erasure: why not."""

    @property
    def columns(self) -> dict[str, Column]:
        """Its columns by name. Raises ``ValueError`` for a line that isn't one."""
        found = {}
        for line in self.lines.strip().splitlines():
            name, kind, purpose = line.split(maxsplit=2)
            if kind not in KINDS or name in found:
                raise ValueError(f"no line of a data map: {line.strip()!r}")
            found[name] = Column(kind, purpose)  # type: ignore[arg-type]  # one of KINDS
        return found


_FOR_GOOD: Final = "stays until an administrator deletes it"
_REPLACED: Final = "replaced when it is made anew"

PURPOSES: Final[dict[str, Purpose]] = {
    "leads": Purpose(
        "who somebody is, and how far sales have got",
        "",
        """
        id                pseudonym  the lead's number, a digest of its first browser's id
        site_id           -          whose lead it is
        kind              judgement  whether it has said who it is
        name              identity   to call the person by name
        email             contact    to write to the person, and to know it again
        title             identity   to tell its part in a purchase
        phone             contact    to call the person
        company_name      identity   to tell for whom it buys
        company_domain    identity   to join colleagues
        account_id        pseudonym  the company among the accounts
        industry          identity   to tell how well the company fits
        employees         identity   to tell how well the company fits
        country           identity   to tell how well the company fits, and when to call
        region            identity   to tell who is responsible
        role              judgement  its part in a purchase, by its title
        channel           behaviour  how it came first, to tell which channels are worth their money
        visitors          behaviour  how many browsers it has
        first_at          behaviour  since when it is known
        status            judgement  how far sales have got
        owner             staff      who has it
        claimed_until     staff      until when
        snoozed_until     judgement  until when it is left alone
        exclusion         judgement  why it is kept off the lists
        exclusion_by_hand judgement  what a person has decided about that
        merged_into       pseudonym  the lead of the same person that this one is part of
        version           -          so that two people don't overwrite each other
        """,
    ),
    "identities": Purpose(
        "the names by which people are known",
        "",
        """
        site_id -         on which site
        claim   contact   the site's own id of the person, or its e-mail address: to know it again on another device
        lead_id pseudonym whose name it is
        """,
    ),
    "lead_visitors": Purpose(
        "whose browser a visitor is",
        "",
        """
        visitor_id pseudonym the browser
        site_id    -         on which site
        lead_id    pseudonym whose it is
        home_id    pseudonym whose it was first: so that a merger can be taken back
        claims     contact   the names that it went by when it was joined
        """,
    ),
    "lead_pairs_apart": Purpose(
        "leads that a person has told apart",
        "",
        """
        lead_id  pseudonym the one
        other_id pseudonym the other: so that they aren't joined again
        """,
    ),
    "lead_words": Purpose(
        "the words by which leads are found",
        "",
        """
        site_id -        on which site
        word    identity a word of name, address or company
        lead_id pseudonym whose
        """,
    ),
    "account_words": Purpose(
        "the words by which companies are found",
        "with the account",
        """
        site_id    - on which site
        word       - a word of the company's name or domain
        account_id - which company
        """,
    ),
    "accounts": Purpose(
        "companies with their leads",
        "with the last of its leads",
        """
        id        pseudonym a digest of name or domain
        site_id   -         on which site
        name      -         to call the company by name
        domain    -         to join colleagues
        industry  -         to tell how well it fits
        employees -         to tell how well it fits
        country   -         to tell how well it fits
        region    -         to tell who is responsible
        leads     behaviour how many people of it were seen
        heat      judgement how close to buying they are together
        first_at  behaviour since when it is known
        last_at   behaviour when somebody of it was last seen
        """,
        "companies aren't persons; it is added up anew without the person, and goes with its last lead",
    ),
    "visitors": Purpose(
        "browsers, and people that only a server knows",
        "",
        """
        id         pseudonym its number
        site_id    -         on which site
        key        pseudonym the id that the browser keeps, or the site's own of the person
        first_at   behaviour when it was seen first
        last_at    behaviour when it was seen last
        visits     behaviour how often it came
        page_views behaviour how much it read
        downloads  behaviour how much it took
        engaged_ms behaviour how long it read
        heard_at   behaviour when something was last received: from here it is forgotten
        state      identity  where the fold of its events stands, with what it said of its user
        first_received_at behaviour when the browser was first heard, to tell what was made up at one go
        heard_day  behaviour on which day something was last received, to find who is to be forgotten
        """,
    ),
    "visits": Purpose(
        "visits of browsers",
        "",
        """
        visitor_id pseudonym whose visit
        number     behaviour the how many-th
        site_id    -         on which site
        started_at behaviour when it began
        ended_at   behaviour when it ended
        day        behaviour on which day, to tell how often somebody comes
        events     behaviour how much happened
        page_views behaviour how much was read
        downloads  behaviour how much was taken
        engaged_ms behaviour how long was read
        entry_url  behaviour where it began
        exit_url   behaviour where it ended
        referrer   behaviour from where it came
        campaign   behaviour by which campaign
        agent      behaviour kind of device, browser and system
        time_zone  behaviour to tell when to call
        locale     behaviour to tell in which language
        country    behaviour as the sender told it
        network    behaviour whose network it came from: a hint at the company
        """,
    ),
    "events": Purpose(
        "the ledger: what was done, from which every score can be added up again",
        "",
        """
        visitor_id     pseudonym who
        message_id     -         a digest of the message's id: so that it counts once
        at             behaviour when it happened
        received_at    behaviour when it was received
        kind           behaviour page, track, identify, group or alias
        name           behaviour what a track event is called
        url            behaviour which page, less what docs/privacy.md says is taken out
        title          behaviour its title
        referrer       behaviour from where
        view_id        pseudonym joins the time spent to the page
        engaged_ms     behaviour how long was read
        scroll_percent behaviour how far
        properties     identity  what else was sent: of an identify who somebody is
        context        behaviour campaign, language, time zone, place as the sender told it; when it came, if that was late
        user_id        identity  the site's own id of the person
        agent          behaviour kind of device, browser and system; the user agent itself isn't kept
        label          judgement why it doesn't count
        """,
    ),
    "consents": Purpose(
        "what visitors agreed to and took back",
        "",
        """
        visitor_id pseudonym who
        message_id -         so that it is recorded once
        site_id    -         on which site
        purpose    behaviour what was agreed to
        given      behaviour whether it was agreed to or taken back
        at         behaviour when: to prove it
        version    behaviour which text was shown: to prove it
        source     behaviour where it was said: to prove it
        by         staff     who recorded it by hand
        """,
    ),
    "objections": Purpose(
        "who doesn't want to be scored",
        "",
        """
        home_id    pseudonym of which lead it was said
        message_id -         so that it is recorded once
        site_id    -         on which site
        lead_id    pseudonym whose it is now
        objects    behaviour whether it objects
        at         behaviour when: the last word holds
        by         staff     who recorded it by hand
        """,
    ),
    "lead_scores": Purpose(
        "the score of a lead by one scorecard",
        "",
        """
        scorecard_id    -         by which rules
        lead_id         pseudonym whose score
        heat            judgement how close to buying
        priority        judgement the same, by how well it fits
        hot_since       judgement since when sales know it to be hot
        announced_score judgement what they were told
        grade           judgement how well it fits
        stage           judgement how far the purchase is
        topics          judgement what it is interested in
        last_at         behaviour when it was seen last
        visits          behaviour how often it came
        page_views      behaviour how much it read
        downloads       behaviour how much it took
        engaged_ms      behaviour how long it read
        revision        -         so that readers see a change
        state           behaviour where the fold of its deeds stands
        """,
    ),
    "lead_changes": Purpose(
        "what other systems are told of leads, once each",
        "",
        """
        sequence -         the order in which it is told
        site_id  -         on which site
        lead_id  pseudonym of whom
        kind     judgement what happened
        at       behaviour when
        detail   judgement score, owner or outcome at that time
        """,
    ),
    "outcomes": Purpose(
        "what became of leads",
        "",
        """
        home_id    pseudonym of which lead it was said
        message_id -         so that it counts once
        site_id    -         on which site
        lead_id    pseudonym whose it is now
        kind       judgement contacted, won, lost or disqualified
        at         behaviour when
        value      judgement what the deal was worth
        currency   -         in which money
        reason     text      why
        by         staff     who said so
        """,
    ),
    "notes": Purpose(
        "what salespeople have written",
        "",
        """
        id      -         its number
        site_id -         on which site
        home_id pseudonym about which lead it was written
        lead_id pseudonym whose it is now
        at      -         when
        by      staff     who
        text    text      what is worth knowing before the next call
        """,
    ),
    "audit": Purpose(
        "who did what by hand, and why",
        "",
        """
        id         -         its number
        site_id    -         on which site
        at         staff     when
        actor      staff     who
        action     staff     what
        subject    pseudonym to which lead or thing
        why        text      the reason
        detail     text      from what to what
        number     -         its place in the chain
        salt       -         so that nobody can try what the words were
        words_hash -         proves the words
        chain      -         proves that nothing was changed
        """,
    ),
    "audit_heads": Purpose(
        "the last line of each audit log",
        _REPLACED,
        """
        site_id - of which site
        number  - the last line's place
        chain   - the last line's hash
        """,
    ),
    "idempotency_keys": Purpose(
        "what requests were answered, so that one sent twice is carried out once",
        "",
        """
        actor       -         which key sent it
        key         -         the request's own
        fingerprint -         a digest of the request
        status      -         what was answered
        answer      identity  the same: it may show a lead
        etag        -         the same
        lead_id     pseudonym whom it was about
        created_at  -         when: it goes after a day
        """,
    ),
    "webhooks": Purpose(
        "other systems that are told of changes",
        _FOR_GOOD,
        """
        id             - its number
        site_id        - of which site
        name           - to tell it from others
        url            - where to
        preset         - in which form
        kinds          - of which changes
        segment        - of which leads
        language       - in which language
        secrets        - by which its messages are signed
        contact        staff whom to tell when it fails
        last_sequence  - how far it has been told
        failing_since  - since when it fails
        disabled_at    - since when it is off
        disabled_why   - why
        tell_at        - when its contact is told
        created_at     - since when it is there
        """,
    ),
    "webhook_deliveries": Purpose(
        "messages to other systems",
        "",
        """
        id         -         its number
        webhook_id -         to whom
        lead_id    pseudonym of whom
        kind       judgement what happened
        body       identity  the message, to be sent again
        state      -         whether it arrived
        attempts   -         how often it was tried
        created_at -         when it was made
        next_at    -         when it is tried again
        """,
    ),
    "webhook_attempts": Purpose(
        "each try of a message",
        "with the message",
        """
        delivery_id - of which message
        number      - the how many-th
        at          - when
        status      - what was answered
        took_ms     - how long it took
        reason      - why it failed
        detail      - the same in the other system's words, cut
        """,
        "of the message, and deleted with it",
    ),
    "digests": Purpose(
        "who gets the weekly mail",
        _FOR_GOOD,
        """
        id              - its number
        site_id         - of which site
        email           staff to whom
        name            staff how to address them
        segment         - of which leads
        language        - in which language
        time_zone       staff in whose hours
        weekday         - when
        hour            - when
        created_at      - since when
        next_at         - when next
        unsubscribed_at staff since when no more
        """,
    ),
    "digest_mails": Purpose(
        "which weekly mails went out, so that none goes twice",
        "with the subscription",
        """
        digest_id  - of which subscription
        period     - of which week
        state      - whether it went out
        at         - when
        message_id - the mail's own id
        retry_at   - when it is tried again
        reason     - why it failed
        detail     - the same in the mail server's words
        """,
    ),
    "alerts": Purpose(
        "who gets a mail the moment a lead becomes hot",
        _FOR_GOOD,
        """
        id              - its number
        site_id         - of which site
        email           staff to whom
        segment         - of which leads
        language        - in which language
        time_zone       staff in whose hours
        quiet_from      staff when not
        quiet_until     staff until when not
        max_per_day     - how many at most
        last_sequence   - how far it has been told
        hold_until      - when the next goes out
        created_at      - since when
        unsubscribed_at staff since when no more
        """,
    ),
    "alert_mails": Purpose(
        "which alerts went out, so that none goes twice",
        "",
        """
        alert_id -         of which subscription
        sequence -         of which change
        lead_id  pseudonym of whom
        state    -         whether it went out
        at       -         when
        """,
    ),
    "lead_labels": Purpose(
        "what people say a lead is in the company's own terms",
        "",
        """
        site_id -         on which site
        scheme  -         in which scheme
        home_id pseudonym of which lead it was said
        lead_id pseudonym whose it is now
        label   judgement what it is
        by      staff     who said so
        at      -         when
        """,
    ),
    "lead_classes": Purpose(
        "what a model takes a lead for",
        "",
        """
        site_id    -         on which site
        scheme     -         in which scheme
        lead_id    pseudonym whom
        label      judgement for what
        guess      judgement the likeliest
        confidence judgement how likely
        margin     judgement how far ahead of the next
        reasons    judgement by what
        """,
    ),
    "lead_groups": Purpose(
        "the group of like behaviour that a lead is in",
        "",
        """
        site_id  -         on which site
        lead_id  pseudonym whom
        group_id judgement which group
        """,
    ),
    "explored_leads": Purpose(
        "leads drawn by lot to be learned from",
        "",
        """
        site_id -         on which site
        lead_id pseudonym whom
        since   behaviour since when it was shown
        until   behaviour until when
        share   judgement how likely it was drawn
        """,
    ),
    "dead_letters": Purpose(
        "refused events and lines, to be looked at and sent through again",
        "by WARMTRAIL_DEAD_LETTER_DAYS from when it was received",
        """
        id          -        its number
        site_id     -        on which site
        received_at -        when it came
        reason      -        why it was refused
        source      -        where it was refused
        trusted     -        whether the site's server sent it
        body        identity what came, less network addresses and values named like a secret
        replayed_at -        when it was sent through again
        """,
        "searched for the person's names: what names it is in the export and is erased",
    ),
    "erased_visitors": Purpose(
        "who was erased, so that what waits in the queue isn't stored",
        "after 30 days",
        """
        site_id   -         on which site
        key_hash  pseudonym a hash of an id or name that the person had
        erased_at -         when
        """,
        "it is what the erasure needs to be whole, and goes by itself",
    ),
    "archive_erasures": Purpose(
        "who was erased, until the archive's files are written anew without them",
        "when the archive has forgotten them",
        """
        visitor_id pseudonym the number of a browser that is deleted
        key_hash   pseudonym a hash of the id that it had
        site_id    -         on which site
        asked_at   -         when
        """,
        "it is what the erasure needs to be whole, and goes by itself",
    ),
    "backups": Purpose(
        "which backups were made, so that erasures can name those that hold the person still",
        "when the backup is due to be deleted",
        """
        id      - its number
        file    - where it is
        made_at - since when it holds what it holds
        goes_at - when it is to be deleted
        """,
    ),
    "sites": Purpose(
        "websites and what each has chosen",
        _FOR_GOOD,
        """
        id              - its number
        name            - what it is called
        settings        - what it has chosen
        created_at      - since when it is there
        write_key       - the public key that stands in its pages
        server_key_hash - proves its server, without the key itself
        """,
    ),
    "partitions": Purpose(
        "how far each partition of the queue was processed",
        _REPLACED,
        """
        number   - which partition
        position - up to where
        """,
    ),
    "intake": Purpose(
        "the accounts of what was received",
        _REPLACED,
        """
        partition     -         of which partition
        site_id       -         of which site
        appended      -         how many were appended
        received      -         how many were received
        stored        -         how many were stored
        duplicate     -         how many had come before
        filtered      -         how many don't count
        dead_lettered -         how many were refused
        heard_at      -         when something was last received
        heard_of      pseudonym the browser that it was of
        """,
        "the number of one browser, which goes with that browser",
    ),
    "feed": Purpose(
        "the counter of changes",
        _REPLACED,
        """
        id            - there is one
        last_sequence - the last number given
        """,
    ),
    "segments": Purpose(
        "saved filters over leads",
        _FOR_GOOD,
        """
        id         - its number
        site_id    - of which site
        name       - what it is called
        body       - which leads it means
        created_at - since when it is there
        """,
    ),
    "scorecards": Purpose(
        "the numbered rules of the score",
        _FOR_GOOD,
        """
        id           - its number
        site_id      - of which site
        number       - the how many-th of the site
        body         - the rules
        landmark_ms  - from which heat is reckoned
        created_at   - when it was made
        published_at - when it was published
        is_current   - whether it holds
        filling      - whether scores by it are being made
        proposed     - whether it waits for a decision
        learned      - what training found out: numbers over many leads
        """,
    ),
    "calibrations": Purpose(
        "from points to the chance of a win",
        _REPLACED,
        """
        scorecard_id - by which rules
        made_at      - when
        body         - the curve, over many leads
        """,
    ),
    "trainings": Purpose(
        "each time something was learned",
        _FOR_GOOD,
        """
        id           - its number
        site_id      - of which site
        at           - when
        by           staff who asked for it
        state        - how far it is
        done         - how far it is
        scorecard_id - what came of it
        detail       - numbers over many leads
        """,
    ),
    "learning_alarms": Purpose(
        "that a card no longer ranks as it did",
        _FOR_GOOD,
        """
        id         - its number
        site_id    - of which site
        kind       - of what
        at         - when
        cleared_at - when it was put away
        detail     - numbers over many leads
        """,
    ),
    "class_models": Purpose(
        "what was learned from labels",
        _REPLACED,
        """
        site_id - of which site
        scheme  - in which scheme
        at      - when
        body    - the model: weights over many leads
        """,
    ),
    "group_models": Purpose(
        "the groups of like behaviour",
        _REPLACED,
        """
        site_id - of which site
        at      - when
        body    - the middle of each group, over many leads
        """,
    ),
    "site_insights": Purpose(
        "what is reckoned from all leads now and then",
        _REPLACED,
        """
        site_id - of which site
        kind    - what
        at      - when
        body    - numbers over many leads
        """,
    ),
    "api_keys": Purpose(
        "keys of the sales API",
        _FOR_GOOD,
        """
        id         - its number
        site_id    - of which site
        scope      - what it may
        key_hash   - proves it, without the key itself
        created_at - since when
        revoked_at - since when no more
        """,
    ),
    "users": Purpose(
        "people who sign in",
        _FOR_GOOD,
        """
        id            - their number
        email         staff by which they sign in
        name          staff how they are called
        password_hash staff proves them, without the password
        language      staff in which language
        time_zone     staff in whose hours
        created_at    staff since when
        disabled_at   staff since when no more
        """,
    ),
    "user_roles": Purpose(
        "what a user may on a site",
        _FOR_GOOD,
        """
        user_id staff who
        site_id -     where
        role    staff what
        """,
    ),
    "web_sessions": Purpose(
        "browsers that are signed in",
        "when they expire or are signed out",
        """
        token_hash -     proves the browser, without the token itself
        user_id    staff whose
        created_at staff since when
        seen_at    staff when last
        expires_at -     until when
        agent      staff which browser: so that its owner knows it again
        """,
    ),
}
"""All tables."""
