"""What runs the service in containers and under systemd names commands, settings and metrics that exist, and gives away
nothing. The images are not built here: that needs a daemon and the network."""

from __future__ import annotations

import configparser
import importlib.util
import json
import re
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from prometheus_client import CollectorRegistry, ProcessCollector
from redis import Redis
from rq import Worker, cron_scheduler_registry
from rq.cron import CronScheduler

from scorer.cli import cli
from scorer.web.routes import ROUTES as WEB_ROUTES
from tests.conftest import give_up
from tests.test_docs import ROOT, commands, first_cells, page, public_routes
from tracker.collect import Accepted, Answer
from tracker.core.refusals import all_refusals
from tracker.metrics import IntakeMetrics
from tracker.queue import CARE_QUEUE, drain_queue
from tracker.settings import Settings, read_settings

DOCKER = ROOT / "docker"
DOCKERFILE = DOCKER / "Dockerfile"
UNITS = sorted((DOCKER / "systemd").glob("*.service"))
COMPOSES = ("compose.yaml", "compose.small.yaml")
TEXTS = sorted(
    path for path in DOCKER.rglob("*") if path.is_file() and path.parent.name != "secrets" and path.suffix != ".pyc"
)
OURS = {"warmtrail", "warmtrail-proxy"}
"""Images that are built here."""


@cache
def compose(name: str) -> dict[str, Any]:
    document = yaml.safe_load((DOCKER / name).read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def services() -> list[Any]:
    """Every service of every compose file, as a parameter of a test."""
    return [pytest.param(of, id=f"{name}:{key}") for name in COMPOSES for key, of in compose(name)["services"].items()]


def parts(name: str = "compose.yaml") -> dict[str, Any]:
    """The services that run a command of Warmtrail."""
    return {key: of for key, of in compose(name)["services"].items() if of["image"].split(":")[0] == "warmtrail"}


def stages() -> dict[str, list[str]]:
    """The instructions of each stage of the Dockerfile, continued lines joined."""
    joined = re.sub(r"\\\n\s*", " ", DOCKERFILE.read_text(encoding="utf-8"))
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    found: dict[str, list[str]] = {"": []}
    for line in lines:
        begun = re.match(r"FROM (\S+) AS (\S+)$", line)
        if begun:
            found[begun[2]] = []
        found[list(found)[-1]].append(line)
    return found


def is_command(words: list[str]) -> bool:
    """Whether ``warmtrail`` takes these words: a command that exists, with options that it has."""
    group: click.Command = cli
    while isinstance(group, click.Group) and words:
        inner = group.get_command(click.Context(group), words[0])
        if inner is None:
            return False
        group, words = inner, words[1:]
    options = {name for one in group.params for name in one.opts}
    return not isinstance(group, click.Group) and all(word in options for word in words if word.startswith("-"))


# ---------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize("path", TEXTS, ids=[str(path.relative_to(DOCKER)) for path in TEXTS])
def test_every_setting_named_exists(path: Path) -> None:
    named = set(re.findall(r"\bWARMTRAIL_[A-Z_]+", path.read_text(encoding="utf-8")))
    known = {f"WARMTRAIL_{name.upper()}" for name in Settings.__struct_fields__}
    assert {name for name in named if name not in known and name.removesuffix("_FILE") not in known} == set()


@pytest.mark.parametrize("path", TEXTS, ids=[str(path.relative_to(DOCKER)) for path in TEXTS])
def test_every_command_named_in_words_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    known = {tuple(command.split()[1:]) for command in commands(cli)}
    named = re.findall(r"(?:^|[ `/])warmtrail ((?:[a-z]+-?[a-z]* ?){1,2})", text) if path.suffix in (".md", ".yaml") else []
    wrong = []
    for words in (tuple(one.split()) for one in named):
        first = {command[0] for command in known}
        # "warmtrail" also begins sentences that are about the service; a command is then told by its form.
        if words[0] in first and words[:1] not in known and words[:2] not in known:
            wrong.append(words)
    assert wrong == []


@pytest.mark.parametrize("name", COMPOSES)
def test_every_part_runs_a_command_that_exists(name: str) -> None:
    assert [key for key, of in parts(name).items() if not is_command(list(of["command"]))] == []


@pytest.mark.parametrize("words", [["upp"], ["worker", "--slot"], ["site"]])
def test_a_command_that_does_not_exist_would_be_found(words: list[str]) -> None:
    assert not is_command(words)


@pytest.mark.parametrize("unit", UNITS, ids=[path.name for path in UNITS])
def test_every_unit_runs_a_command_that_exists(unit: Path) -> None:
    program, *words = unit_of(unit)["Service"]["ExecStart"][0].split()
    assert program == "/opt/warmtrail/bin/warmtrail"
    assert is_command(words)


def test_the_image_runs_a_command_that_exists() -> None:
    last = stages()["service"]
    assert 'ENTRYPOINT ["tini", "--", "warmtrail"]' in last
    (command,) = [line for line in last if line.startswith("CMD ")]
    assert is_command(json.loads(command.removeprefix("CMD ")))


# ---------------------------------------------------------------------------------------------- containers


@pytest.mark.parametrize("service", services())
def test_a_container_has_no_rights_and_writes_nowhere_but_where_it_must(service: dict[str, Any]) -> None:
    assert service["user"].split(":")[0] not in ("", "0", "root")
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"} & set(service) == set()
    assert not any("docker.sock" in volume for volume in service.get("volumes", []))


@pytest.mark.parametrize("service", services())
def test_a_container_is_looked_after_and_bounded(service: dict[str, Any]) -> None:
    limits = service["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory", "pids"}
    assert service["ulimits"] == {"nofile": 65536}, "as in the units of systemd"
    if service["command" if "command" in service else "image"] == ["init"]:  # it ends by itself
        assert (service["healthcheck"], service["restart"]) == ({"disable": True}, "no")
    else:
        assert {"test", "interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"])
        assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("service", services())
def test_an_image_has_a_version(service: dict[str, Any]) -> None:
    image, _, tag = service["image"].partition(":")
    assert tag
    assert tag != "latest"
    assert (image in OURS) == ("/" not in image and image != "postgres")


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert [name for name, of in compose("compose.yaml")["services"].items() if "ports" in of] == ["proxy"]
    assert compose("compose.small.yaml")["services"]["warmtrail"]["ports"] == ["127.0.0.1:8700:8700"]
    all_of_it = compose("compose.yaml")
    assert all_of_it["networks"]["back"] == {"internal": True}
    assert {name: all_of_it["services"][name]["networks"] for name in ("valkey", "postgres")} == {
        "valkey": ["back"],
        "postgres": ["back"],
    }


def test_there_is_a_drain_for_each_slot_and_one_for_care() -> None:
    queues = [of["command"][2] for of in parts().values() if of["command"][0] == "worker"]
    slots = int(parts()["collector"]["environment"]["WARMTRAIL_SLOTS"])
    assert sorted(queues) == sorted([*(drain_queue(slot) for slot in range(slots)), CARE_QUEUE])


def test_what_one_part_is_looked_after_by_is_what_it_does() -> None:
    asked = {key: of["healthcheck"]["test"][3] for key, of in parts().items() if "test" in of["healthcheck"]}
    assert asked == {
        **{"collector": "/readyz", "web": "/readyz", "cron": "cron"},
        **{"drain-0": "drain-0", "drain-1": "drain-1", "care": "care"},
    }
    assert "/readyz" in set(public_routes())


def test_all_parts_have_the_same_settings_and_can_be_read(tmp_path: Path) -> None:
    environments = [of["environment"] for of in parts().values()]
    assert all(one == environments[0] for one in environments)
    environ = {}
    for name, value in environments[0].items():
        if name.endswith("_FILE"):
            secret = tmp_path / Path(value).name
            secret.write_text("redis://:hidden@valkey:6379/0" if "REDIS" in name else "postgresql://w:hidden@postgres/w")
            value = str(secret)
        environ[name] = re.sub(r"\$\{DOMAIN:[^}]*}", "warmtrail.example.com", value)
    settings = read_settings(environ)
    assert (settings.slots, settings.url) == (2, "https://warmtrail.example.com")
    assert settings.redis_url == "redis://:hidden@valkey:6379/0"


def test_every_variable_of_the_compose_files_is_in_the_example() -> None:
    used = {name for file in COMPOSES for name in re.findall(r"(?<!\$)\$\{(\w+)", (DOCKER / file).read_text())}
    given = {line.split("=")[0] for line in (DOCKER / "example.env").read_text().splitlines() if "=" in line}
    assert used == given


@pytest.mark.parametrize("name", COMPOSES)
def test_what_a_compose_file_uses_it_defines(name: str) -> None:
    document = compose(name)
    for kind in ("networks", "secrets"):
        used = {one for of in document["services"].values() for one in of.get(kind, [])}
        assert used == set(document.get(kind, {}))
    volumes = {one.split(":")[0] for of in document["services"].values() for one in of.get("volumes", [])}
    assert {one for one in volumes if not one.startswith(".")} == set(document["volumes"])
    assert all((DOCKER / one).exists() for one in volumes if one.startswith("."))
    waited_for = {one for of in document["services"].values() for one in of.get("depends_on", {})}
    assert waited_for <= set(document["services"])


# ---------------------------------------------------------------------------------------------- secrets


def test_secrets_come_as_files_only() -> None:
    secret = re.compile(r"PASSWORD|SECRET|DATABASE_URL|REDIS_URL|STREAM_URL|SMTP_URL", re.IGNORECASE)
    for name in COMPOSES:
        for key, of in compose(name)["services"].items():
            for variable, value in of.get("environment", {}).items():
                if secret.search(variable):
                    assert variable.endswith("_FILE"), f"{name}: {key}: {variable}"
                    assert value.removeprefix("/run/secrets/") in of["secrets"]


@pytest.mark.parametrize("path", TEXTS, ids=[str(path.relative_to(DOCKER)) for path in TEXTS])
def test_no_secret_is_written_out(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    in_urls = re.findall(r"\b(?:postgres(?:ql)?|rediss?|smtps?)://[^\s:/@]*:([^\s@]+)@", text)
    assert [one for one in in_urls if not one.startswith(("$(", "…"))] == []
    assert re.findall(r"\b(?:wt|sk|wk)_[A-Za-z0-9]{8,}|-----BEGIN", text) == []


def test_nothing_secret_can_get_into_a_layer() -> None:
    let_in = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert let_in[0] == "*"
    assert all((ROOT / line[1:]).exists() for line in let_in if line.startswith("!"))
    assert not any(fnmatchcase(line, "!docker/*s*/*") or line in ("!docker", "!.env") for line in let_in)
    secret = re.compile(r"^(?:ARG|ENV) .*(?:PASSWORD|SECRET|TOKEN|_URL)", re.IGNORECASE)
    assert [line for lines in stages().values() for line in lines if secret.match(line)] == []
    assert {"secrets/", ".env"} <= set((DOCKER / ".gitignore").read_text().splitlines())


def test_the_made_secrets_fit_each_other_and_are_made_once(tmp_path: Path) -> None:
    script = tmp_path / "make-secrets.sh"
    script.write_bytes((DOCKER / "make-secrets.sh").read_bytes())
    subprocess.run(["sh", script], check=True, capture_output=True)
    made = {path.name: path.read_text().strip() for path in (tmp_path / "secrets").iterdir()}
    assert set(made) == set(compose("compose.yaml")["secrets"])
    assert made["database_url"] == f"postgresql://warmtrail:{made['postgres_password']}@postgres/warmtrail"
    assert made["redis_url"] == f"redis://:{made['valkey_auth'].removeprefix('requirepass ')}@valkey:6379/0"
    assert len({made["secret_key"], made["postgres_password"], made["valkey_auth"]}) == 3
    assert re.fullmatch(r"[0-9a-f]{64}", made["secret_key"])
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    again = subprocess.run(["sh", script], check=True, capture_output=True)
    assert again.stdout == b""
    assert {path.name: path.read_text().strip() for path in (tmp_path / "secrets").iterdir()} == made


# ---------------------------------------------------------------------------------------------- the image


def test_the_image_is_pinned_without_rights_and_tells_of_its_health() -> None:
    text, of = DOCKERFILE.read_text(), stages()
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.\d+-slim-[a-z]+$", text, re.MULTILINE)
    assert list(of) == ["", "proxy", "build", "service"]
    for name, uid in (("proxy", "10002"), ("service", "10001")):
        assert f"USER {uid}:{uid}" in of[name]
        assert any(line.startswith("HEALTHCHECK ") for line in of[name])
    for service in parts().values():
        assert service["user"] == "10001:10001"
    assert any("/opt/warmtrail/healthy.py" in line and "/readyz" in line for line in of["service"] if "HEALTHCHECK" in line)


def test_the_image_takes_locked_packages_and_extras_that_exist() -> None:
    project = tomllib.loads(page("pyproject.toml"))
    build = stages()["build"]
    (extras,) = [line.removeprefix("ARG EXTRAS=").split(",") for line in build if line.startswith("ARG EXTRAS=")]
    assert set(extras) <= set(project["project"]["optional-dependencies"]) - {"test"}
    assert project["build-system"]["requires"][0] in " ".join(build)
    assert any("--verify-hashes" in line and "--constraints requirements-test.lock" in line for line in build)
    python = re.search(r"python:(3\.\d+)-slim", DOCKERFILE.read_text())
    assert python is not None
    assert f"Programming Language :: Python :: {python[1]}" in project["project"]["classifiers"]


def test_the_settings_of_the_image_can_be_read() -> None:
    told = dict(re.findall(r"(WARMTRAIL_\w+)=(\S+)", next(line for line in stages()["service"] if line.startswith("ENV "))))
    settings = read_settings(told)
    assert (settings.bind_address, settings.data_dir, settings.log_format) == (("0.0.0.0", 8700), Path("/data"), "json")


# ---------------------------------------------------------------------------------------------- proxy and queue


def test_the_proxy_sends_each_route_of_the_collector_to_the_collector() -> None:
    text = (DOCKER / "Caddyfile").read_text()
    matched = re.search(r"@collect path (.+)", text)
    inside = re.search(r"@inside path (.+)", text)
    assert matched is not None
    assert inside is not None
    patterns = matched[1].split()
    outside = set(public_routes()) - set(inside[1].split())
    assert set(inside[1].split()) <= set(public_routes())
    assert [one for one in outside if not any(fnmatchcase(one, pattern) for pattern in patterns)] == []
    assert [one.path for one in WEB_ROUTES if any(fnmatchcase(one.path, pattern) for pattern in patterns)] == []
    assert re.findall(r"reverse_proxy (\S+):8700", text) == ["collector", "web"]
    assert set(re.findall(r"{\$(\w+)}", text)) == set(compose("compose.yaml")["services"]["proxy"]["environment"])


def test_the_queue_keeps_what_it_was_given() -> None:
    told = dict(
        line.split(maxsplit=1) for line in (DOCKER / "valkey.conf").read_text().splitlines() if line and line[0] != "#"
    )
    assert told["appendonly"] == "yes"
    assert told["appendfsync"] == "always"
    assert told["maxmemory-policy"] == "noeviction"
    assert told["include"] == "/run/secrets/valkey_auth"
    assert told["maxmemory"] == "512mb"
    assert compose("compose.yaml")["services"]["valkey"]["deploy"]["resources"]["limits"]["memory"] == "1g"


# ---------------------------------------------------------------------------------------------- health


def healthy(what: str) -> str:
    """What the health check says of *what*; it runs in here, with the settings of the environment."""
    spec = importlib.util.spec_from_file_location("healthy", DOCKER / "healthy.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    said: str = module.main(what)
    return said


def test_a_worker_is_healthy_where_it_is_known_and_only_for_its_queue(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARMTRAIL_REDIS_URL", redis_url)
    with Redis.from_url(redis_url) as client:
        worker = Worker(["drain-0"], connection=client)
        worker.register_birth()
        assert healthy("drain-0") == ""
        assert healthy("drain-1").startswith("drain-1: nothing of ")
        monkeypatch.setattr(socket, "gethostname", lambda: "another")
        assert healthy("drain-0") == "drain-0: nothing of another serves it"


def test_a_timetable_is_healthy_while_it_is_heard_of(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARMTRAIL_REDIS_URL", redis_url)
    with Redis.from_url(redis_url) as client:
        assert healthy("cron").startswith("cron: nothing of ")
        CronScheduler(connection=client, name=f"{socket.gethostname()}-7").register_birth()
        assert healthy("cron") == ""
        client.zadd(cron_scheduler_registry.get_registry_key(), {f"{socket.gethostname()}-7": time.time() - 61})
        assert healthy("cron").startswith("cron: nothing of ")


def test_what_cannot_be_asked_is_not_healthy_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    assert healthy("care") == "WARMTRAIL_REDIS_URL is not set"
    monkeypatch.setenv("WARMTRAIL_REDIS_URL", "redis://127.0.0.1:9/0")
    monkeypatch.setenv("WARMTRAIL_BIND", "0.0.0.0:9")
    assert healthy("care").startswith("care: Error ")
    assert healthy("/readyz").startswith("/readyz: [Errno ")


# ---------------------------------------------------------------------------------------------- systemd


def unit_of(path: Path) -> dict[str, dict[str, list[str]]]:
    """Section → name → values, for a name may stand there several times."""

    class Several(dict[str, Any]):
        def __setitem__(self, key: str, value: Any) -> None:
            if isinstance(value, list) and key in self:
                self[key].extend(value)
            else:
                super().__setitem__(key, value)

    parser = configparser.RawConfigParser(strict=False, dict_type=Several, interpolation=None)
    parser.optionxform = lambda optionstr: optionstr  # type: ignore[method-assign]
    parser.read(path, encoding="utf-8")
    return {name: {key: value.splitlines() for key, value in parser.items(name)} for name in parser.sections()}


@pytest.mark.parametrize("unit", UNITS, ids=[path.name for path in UNITS])
def test_a_unit_has_no_rights_and_writes_to_its_folder_only(unit: Path) -> None:
    service = unit_of(unit)["Service"]
    assert service["User"] == ["warmtrail"]
    assert (service["ProtectSystem"], service["StateDirectory"]) == (["strict"], ["warmtrail"])
    switched_on = ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "MemoryDenyWriteExecute")
    assert [name for name in switched_on if service[name] != ["true"]] == []
    assert service["CapabilityBoundingSet"] in ([""], [])
    # Trainings lower their own priority (os.nice), which this group of calls would forbid.
    assert not any("@resources" in line for line in service["SystemCallFilter"])
    assert (service["KillMode"], service["Restart"]) == (["mixed"], ["always"])
    data_dir = dict(line.split("=", 1) for line in service["Environment"])["WARMTRAIL_DATA_DIR"]
    assert data_dir == f"/var/lib/{service['StateDirectory'][0]}"


def test_the_unit_in_the_documentation_is_the_one_shipped() -> None:
    shipped = unit_of(DOCKER / "systemd" / "warmtrail.service")
    assert shipped["Service"]["ExecStart"] == ["/opt/warmtrail/bin/warmtrail up"]
    assert "docker/systemd/warmtrail.service" in page("docs/operations.md")


# ---------------------------------------------------------------------------------------------- metrics


def known_metrics() -> dict[str, set[str]]:
    """Metric → the values that its label ``outcome`` may have, of the code that tells them."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    intake = IntakeMetrics()
    intake.accepted(Accepted(site_id=1, entries=[], answer=Answer(200, b""), received=1, rejected=[]))
    intake.refused("overloaded")
    intake.clicked("recorded")
    registry.register(intake)
    found: dict[str, set[str]] = {"up": set()}
    for family in registry.collect():
        for sample in family.samples:
            found[sample.name] = set()
    refusals = set(all_refusals())
    found["warmtrail_collect_requests_total"] = {"accepted", *refusals}
    found["warmtrail_collect_events_total"] = {"admitted", *refusals}
    found["warmtrail_mail_clicks_total"] = {"recorded", "not_recorded", "forged", "expired"}
    accounts = page("scorer/gauges.py")
    found["warmtrail_events_total"] = set(re.findall(r'"(received|stored|duplicate|filtered|dead_lettered)"', accounts))
    assert re.findall(r'MetricFamily\("(\w+)"', accounts) == ["warmtrail_events", "warmtrail_events_waiting"]
    found["warmtrail_events_waiting"] = set()
    return found


_METRIC = re.compile(r"\b((?:warmtrail|process)_\w+|up)\b(?:{([^}]*)})?")


def wrong_in(expression: str) -> list[str]:
    """Metrics in *expression* that nobody tells, and outcomes that they never have."""
    known, wrong = known_metrics(), []
    for metric, labels in _METRIC.findall(expression):
        if metric not in known:
            wrong.append(metric)
            continue
        for _, outcomes in re.findall(r'outcome(=~|=)"([^"]*)"', labels):
            wrong += [f"{metric}: {one}" for one in outcomes.split("|") if one not in known[metric]]
    return wrong


def alerts() -> list[dict[str, Any]]:
    document = yaml.safe_load((DOCKER / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("rule", alerts(), ids=[rule["alert"] for rule in alerts()])
def test_an_alert_asks_what_is_told_and_says_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert _METRIC.findall(rule["expr"])
    assert wrong_in(rule["expr"]) == []
    assert rule["expr"].count("(") == rule["expr"].count(")")
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "action"}
    assert rule["alert"] in page("docs/operations.md")


def test_each_alert_is_raised_and_stays_quiet_when_it_should() -> None:
    folder = DOCKER / "prometheus"
    cases = yaml.safe_load((folder / "alerts.test.yaml").read_text(encoding="utf-8"))["tests"]
    tried = [one for case in cases for one in case["alert_rule_test"]]
    names = {rule["alert"] for rule in alerts()}
    assert {one["alertname"] for one in tried if one.get("exp_alerts")} == names
    promtool = shutil.which("promtool")
    if promtool is None:
        give_up("no promtool here; `python3 dev.py test` says how to get it")
    for command in (["test", "rules", "alerts.test.yaml"], ["check", "config", "prometheus.yaml"]):
        done = subprocess.run([promtool, *command], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_linters_of_images_and_compose_files_have_nothing_to_say() -> None:
    binaries = Path(sys.executable).parent
    composes = [DOCKER / name for name in COMPOSES]
    for command in (
        [binaries / "hadolint", DOCKERFILE],
        [binaries / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", *composes],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_metric_or_an_outcome_that_nobody_tells_would_be_found() -> None:
    assert wrong_in("rate(warmtrail_events[5m])") == ["warmtrail_events"]
    assert wrong_in('warmtrail_events_total{outcome=~"stored|lost"}') == ["warmtrail_events_total: lost"]


def test_the_dashboard_shows_what_is_told() -> None:
    board = json.loads((DOCKER / "grafana" / "warmtrail.json").read_text(encoding="utf-8"))
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert [one for expression in expressions for one in wrong_in(expression)] == []
    assert {metric for one in expressions for metric, _ in _METRIC.findall(one)} >= {
        *("warmtrail_events_total", "warmtrail_events_waiting", "warmtrail_collect_requests_total"),
        *("warmtrail_collect_events_total", "warmtrail_mail_clicks_total"),
    }
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    places = [panel["gridPos"] for panel in board["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert "password" not in json.dumps(board).lower()


def test_every_metric_of_the_service_is_in_the_documentation() -> None:
    told = {name.split("{")[0] for name in first_cells(page("docs/operations.md"))}
    assert {name for name in known_metrics() if name.startswith("warmtrail_")} - told == set()


def test_the_pages_say_that_the_images_are_not_built_here() -> None:
    for name in ("docs/install.md", "docker/README.md"):
        assert "checked, not built" in page(name)
