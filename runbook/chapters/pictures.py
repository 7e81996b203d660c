"""Pictures of a chapter: kept among the run's artefacts as data, so that the report can draw them again."""

from __future__ import annotations

from runbook.chapter import Chapter
from runbook.show.picture import Picture

ABOUT = "picture"
"""How the journal's note of a picture is called."""


def keep(chapter: Chapter, picture: Picture) -> Picture:
    """Writes the figure to `artifacts/picture-NAME.json`, notes it, and returns the picture for the cell to show."""
    path = chapter.run.artifacts / f"picture-{picture.name}.json"
    path.write_text(picture.json, "utf-8")
    kept = chapter.run.keep(path.name, path)
    chapter.run.journal.write("note", about=ABOUT, text=picture.caption, name=picture.name, artifact=kept.name,
                              table=picture.table)
    return picture
