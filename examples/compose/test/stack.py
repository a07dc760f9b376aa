"""Runs the services of a compose file as processes, without containers.

What the file says is what runs: its commands, environment, mounted files, order and health checks.
Only what a container would give is put in its place: names of services and their ports become ports
of this machine, and paths in a container become paths in a folder of this run.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import compose_spec
import yaml

LOGS = 25
"""How many lines of a service's log are shown where it fails."""


class Stack:
    """The services of one compose file."""

    def __init__(self, file: Path, work: Path, programs: dict[str, Path]) -> None:
        """Reads the file. ``programs`` says where paths in containers are on this machine."""
        self.folder, self.work, self.programs = file.parent, work, programs
        self.spec: dict[str, Any] = yaml.safe_load(file.read_text())
        self.services: dict[str, Any] = self.spec["services"]
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._ports: dict[str, str] = {}
        names = "|".join([*self.services, "localhost", r"127\.0\.0\.1", r"0\.0\.0\.0"])
        self._place = re.compile(rf"\b({names})([:/])(\d{{4,5}})\b")

    def check(self) -> None:
        """Holds the file to the compose specification, and to what this example promises."""
        plain = {name: part for name, part in self.spec.items() if not name.startswith("x-")}
        compose_spec.PyCompose.from_json(json.dumps(plain)).validate()
        for name, service in self.services.items():
            for port in service.get("ports", []):
                assert port.startswith("127.0.0.1:"), f"{name} is published on {port}"
            assert service["cap_drop"] == ["ALL"], name
            assert "no-new-privileges:true" in service["security_opt"], name
            assert not service.get("privileged"), name
            assert service.get("read_only") or name == "keycloak", f"{name} may write to its root"
            assert "healthcheck" in service or "ports" not in service, f"{name}: no health check"
            for mount in service.get("volumes", []):
                source, target, *mode = mount.split(":")
                assert mode == ["ro"] or not source.startswith("."), f"{name} may write to {source}"

    def port(self, number: str) -> str:
        """Returns the port of this machine that stands for a container's."""
        if number not in self._ports:
            first = os.environ.get("FIRST_PORT")
            self._ports[number] = str(int(first) + len(self._ports)) if first else _free()
        return self._ports[number]

    def up(self) -> None:
        """Starts all that have no profile, each when those before it are ready."""
        left = [name for name, service in self.services.items() if "profiles" not in service]
        while left:
            before = {name: set(self.services[name].get("depends_on", {})) for name in left}
            name = next(name for name in left if not before[name] & set(left))
            self.start(name)
            left.remove(name)

    def start(self, name: str) -> None:
        """Starts a service, and waits until it has ended well or is healthy."""
        began, service = time.monotonic(), self.services[name]
        conditions = self.services.values()
        ends = any(
            other.get("depends_on", {}).get(name, {}).get("condition")
            == "service_completed_successfully"
            for other in conditions
        )
        paths = self._mount(name)
        with (self.work / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                self._command(name, paths, service.get("command", [])),
                env=self._environment(name, paths),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.running[name] = process
        if ends:
            if process.wait(60) != 0:
                self.fail(name, f"ended with {process.returncode}")
        else:
            self._healthy(name, paths)
        seconds = time.monotonic() - began
        print(f"   {name} is {'done' if ends else 'healthy'} after {seconds:.1f} s", flush=True)

    def run(self, name: str, *words: str, given: str = "") -> tuple[int, str]:
        """Does what `docker compose run --rm NAME WORDS` would. Returns its end and output."""
        paths = self._mount(name)
        done = subprocess.run(
            self._command(name, paths, list(words)),
            env=self._environment(name, paths),
            cwd=self.folder,
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, (done.stdout + done.stderr).strip()

    def environment(self, name: str) -> dict[str, str]:
        """Returns the variables that the file gives a service, as this machine knows them."""
        paths = self._mount(name)
        own = self.services[name].get("environment", {})
        return {key: self._text(str(value), paths, key) for key, value in own.items()}

    def stop(self, name: str) -> None:
        """Ends a service and what it started."""
        process = self.running.pop(name, None)
        if process is None or process.poll() is not None:
            return
        for sign, seconds in ((signal.SIGTERM, 15), (signal.SIGKILL, 10)):
            try:
                os.killpg(process.pid, sign)
                process.wait(seconds)
                return
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue

    def down(self) -> None:
        """Ends all services, the last one first."""
        for name in reversed([*self.running]):
            self.stop(name)

    def fail(self, name: str, why: str) -> None:
        """Shows the end of a service's log, and ends the run."""
        lines = (self.work / f"{name}.log").read_text(errors="replace").splitlines()
        print("\n".join(lines[-LOGS:]))
        raise SystemExit(f"{name}: {why}")

    def _healthy(self, name: str, paths: dict[str, str]) -> None:
        check = self.services[name]["healthcheck"]
        kind, *words = check["test"]
        assert kind == "CMD", f"{name}: the health check is not a command"
        command = [self._text(word, paths) for word in _program(words)]
        patience = _seconds(check["start_period"]) + _seconds(check["interval"]) * check["retries"]
        ends = time.monotonic() + patience
        while time.monotonic() < ends:
            if self.running[name].poll() is not None:
                self.fail(name, f"ended with {self.running[name].returncode}")
            asked = subprocess.run(
                command,
                env=self._environment(name, paths),
                capture_output=True,
                timeout=60,
            )
            if asked.returncode == 0:
                return
            time.sleep(0.5)
        self.fail(name, f"is not healthy after {patience} s: {asked.stderr.decode()[-400:]}")

    def _command(self, name: str, paths: dict[str, str], words: list[str]) -> list[str]:
        service = self.services[name]
        words = service.get("entrypoint", self._entrypoint(service["image"])) + words
        return [self._text(word, paths) for word in _program(words)]

    def _entrypoint(self, image: str) -> list[str]:
        """Returns where an image of that name begins."""
        if "keycloak" in image:
            return ["/opt/keycloak/bin/kc.sh"]
        if image == "behest":
            file = self.folder / "../../packages/container/Containerfile"
            begins = [x for x in file.read_text().splitlines() if x.startswith("ENTRYPOINT ")]
            return list(json.loads(begins[-1].removeprefix("ENTRYPOINT ")))
        return []

    def _environment(self, name: str, paths: dict[str, str]) -> dict[str, str]:
        kept = {key: os.environ[key] for key in ("PATH", "JAVA_HOME", "LANG") if key in os.environ}
        here = {"HOME": str(self.work), "PYTHONDONTWRITEBYTECODE": "1"}
        if "keycloak" in self.services[name]["image"]:
            here |= {
                "KC_HTTP_HOST": "127.0.0.1",
                "JAVA_OPTS_KC_HEAP": "-Xms256m -Xmx768m",
                "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1",
            }
        return kept | here | self.environment(name)

    def _mount(self, name: str) -> dict[str, str]:
        """Puts a service's files where it finds them. Returns its paths and where they are here."""
        paths = {path: str(here) for path, here in self.programs.items()}
        mounts = [mount.split(":")[:2] for mount in self.services[name].get("volumes", [])]
        for source, target in mounts:
            inside = [path for path in self.programs if target.startswith(f"{path}/")]
            if source.startswith("."):
                place = self.work / name / target.lstrip("/")
                if inside:
                    place = self.programs[inside[0]] / target.removeprefix(f"{inside[0]}/")
            else:
                place = self.work / "volumes" / source
                place.mkdir(parents=True, exist_ok=True)
            paths[target] = str(place)
        for source, target in mounts:
            place = Path(paths[target])
            if not source.startswith(".") or place.exists():
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            if (self.folder / source).is_dir():
                shutil.copytree(self.folder / source, place)
            else:
                place.write_text(self._text((self.folder / source).read_text(), paths))
        return paths

    def _text(self, text: str, paths: dict[str, str], key: str = "") -> str:
        """Returns a text with ports and paths of this machine."""
        if key.endswith("_PORT"):
            return self.port(text)
        text = self._place.sub(lambda found: f"127.0.0.1{found[2]}{self.port(found[3])}", text)
        for path in sorted(paths, key=len, reverse=True):
            text = re.sub(rf"(?<![\w./-]){re.escape(path)}(?=[/\"\s]|$)", paths[path], text)
        return text


def _program(words: list[str]) -> list[str]:
    return [sys.executable, *words[1:]] if words[:1] == ["python"] else words


def _seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))


def _free() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])
