"""A site's hosts as an ssh_config(5) knows them: its values hold where the site file says nothing."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from runbook.errors import SiteError
from runbook.remote.secret import Reference
from runbook.site_tables import ADDRESS, JUMP_FORM, Host, SshSettings
from runbook.ssh_config import Setting, SshConfig

KEYS = {"port": "port", "user": "user", "identityfile": "key", "userknownhostsfile": "known_hosts",
        "connecttimeout": "connect_seconds", "proxyjump": "jump"}
"""A keyword of ssh_config, and the key of the site file that it stands in for."""


def with_ssh_config(host: Host, config: SshConfig, given: Collection[str]) -> Host:
    """The host with what the file says of its address, but for the keys that the site has `given`.

    `Host.from_config` tells where each such value stands. Raises SiteError where a value is not fit for a site.
    """
    if host.is_local:
        return host
    said = config.of(host.address)
    changes: dict[str, Any] = {}
    origins: list[tuple[str, str, str]] = []
    for keyword, key in KEYS.items():
        if keyword in said and key not in given:
            changes[key] = _value(key, said[keyword], config, said)
            origins.append((key, str(changes[key]), said[keyword].where))
    address = host.address
    if "hostname" in said:
        address = said["hostname"].value
        origins.insert(0, ("address", address, said["hostname"].where))
        if problem := ADDRESS(address):
            raise _unfit(said["hostname"], f"HostName {address}: {problem}")
    checked = {one.name: one.metadata["check"] for one in fields(SshSettings)}
    for key, value in changes.items():
        if checked[key] and (problem := checked[key](value)):
            where = next(where for name, _, where in origins if name == key)
            raise SiteError(f"{where}: {key}: {problem}", next=f"mend it there, or write `{key}` in the site file")
    return replace(host, address=address, ssh=replace(host.ssh, **changes), from_config=tuple(origins))


def _value(key: str, setting: Setting, config: SshConfig, said: dict[str, Setting]) -> Any:
    text = setting.value
    if key == "port":
        if not text.isdigit():
            raise _unfit(setting, f"Port {text}")
        return int(text)
    if key == "connect_seconds":
        if not text.isdigit():
            raise _unfit(setting, f"ConnectTimeout {text}")
        return float(text)
    if key == "key":
        return None if text.endswith("/none") else Reference(f"file:{text}")
    if key == "known_hosts":
        return Path(text)
    if key == "jump":
        return "" if text.lower() == "none" else _jump(setting, config, said)
    return text


def _jump(setting: Setting, config: SshConfig, said: dict[str, Setting]) -> str:
    """The jump host as the site writes it; a name of the file's own is looked up there too."""
    found = JUMP_FORM.fullmatch(re.sub(r"^ssh://", "", setting.value))
    if "," in setting.value or found is None:
        raise _unfit(setting, f"ProxyJump {setting.value}: a site goes through one host, `user@address:port`")
    alias = found["six"] or found["address"]
    behind = config.of(alias)
    key, own = behind.get("identityfile"), said.get("identityfile")
    if key is not None and own is not None and key.value != own.value:
        raise _unfit(key, f"a key of its own for the jump host {alias}: a site uses the host's for both")
    if (further := behind.get("proxyjump")) is not None and further.value.lower() != "none":
        raise _unfit(further, f"the jump host {alias} lies behind another one")
    address = behind["hostname"].value if "hostname" in behind else alias
    user = found["user"] or (behind["user"].value if "user" in behind else "")
    port = found["port"] or (behind["port"].value if "port" in behind else "")
    bracketed = f"[{address}]" if ":" in address else address
    return f"{user}{'@' * bool(user)}{bracketed}{':' * bool(port)}{port}"


def _unfit(setting: Setting, what: str) -> SiteError:
    return SiteError(f"{setting.where}: {what}", next="say in the site file how that host is reached")
