"""The forms of the site's service: one package for each framework, all on one core."""

from __future__ import annotations

from pathlib import Path

from runbook.site_tables import Service

PLAIN = "gin"
"""The framework whose form has the service's own name; any other's has the framework behind it."""
FRAMEWORKS = (PLAIN, "echo")


def form_of(service: Service) -> str:
    """The package that the site deploys."""
    return _package(service, service.framework)


def forms_in(services: Path, service: Service) -> tuple[str, ...]:
    """The packages of the service that the module has, one a framework."""
    named = (_package(service, framework) for framework in FRAMEWORKS)
    return tuple(name for name in named if any((services / name).glob("*.go")))


def _package(service: Service, framework: str) -> str:
    return service.name if framework == PLAIN else f"{service.name}-{framework}"
