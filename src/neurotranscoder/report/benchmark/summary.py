"""The head of the page: what was run, and what a reader has to know before the results."""

from __future__ import annotations

from collections import Counter

from neurotranscoder.evaluate.benchmark.checks import describe
from neurotranscoder.report.benchmark.book import Book
from neurotranscoder.report.words import PARTS

CHANGES = "+changes"


def problems(book: Book) -> tuple[str, ...]:
    """Return failures and violated checks: what makes the benchmark itself doubtful."""
    failures = [
        f"Failed: {one.method} in {one.world}: {one.message}" for one in book.record.failures
    ]
    violated = [
        f"A method passes the limit of its class, so the limit is wrong or truth has leaked: "
        f"{describe(check)}"
        for check in book.tables.violated
    ]
    return (*failures, *violated)


def warnings(book: Book) -> tuple[str, ...]:
    """Return what limits what can be concluded."""
    found = []
    codes = {one.code for one in book.record.made_by}
    if any(one.commit.endswith(CHANGES) for one in book.record.made_by):
        found.append(
            "Some results were made by code with uncommitted changes; its commit alone does not "
            "reproduce them."
        )
    if len(codes) > 1:
        found.append(f"The results were made by {len(codes)} different states of the code.")
    if any(len(book.seeds(scenario)) == 1 for scenario in book.scenarios):
        found.append(
            "A scenario has one geometry seed: its intervals are over held-out runs and say "
            "nothing about other geometries."
        )
    if book.lost:
        found.append(f"Example time courses are missing or damaged: {', '.join(book.lost)}.")
    if not book.sealed:
        found.append(
            "The tables have no checksums, as older code and a stopped benchmark leave them: give "
            "the command benchmark again."
        )
    return tuple(found)


def facts(book: Book) -> tuple[tuple[str, str], ...]:
    """Return what was run, as pairs of words."""
    record = book.record
    seeds = dict.fromkeys(world.seed for world in record.worlds)
    runs = record.runs
    roles = Counter(method.role for method in record.methods)
    counts = [f"{PARTS.get(role, role).lower()}: {count}" for role, count in roles.items()]
    commits = dict.fromkeys(_commit(one.commit) for one in record.made_by)
    return (
        ("Scenarios", ", ".join(book.scenarios)),
        ("Preset", record.plan.preset),
        ("Geometry seeds", ", ".join(map(str, seeds))),
        (
            "Runs of each world",
            f"{runs.fit} to fit on, {runs.choose} to choose with, {runs.test} to score; "
            f"{record.plan.duration:g} s each",
        ),
        ("Methods", f"{len(record.methods)} ({'; '.join(counts)})"),
        ("Day", f"{record.day} (UTC; when tables or record last changed)"),
        ("Version", ", ".join(dict.fromkeys(one.version for one in record.made_by))),
        ("Commit", "; ".join(commits)),
        ("Code (SHA-256)", ", ".join(dict.fromkeys(one.code[:16] for one in record.made_by))),
        (
            "Libraries",
            "; ".join(dict.fromkeys(one.libraries or "not recorded" for one in record.made_by)),
        ),
    )


def _commit(commit: str) -> str:
    """Return a commit, and whether the code had changes."""
    if not commit:
        return "not a git checkout"
    changed = commit.endswith(CHANGES)
    return commit.removesuffix(CHANGES) + (" with uncommitted changes" if changed else ", clean")
