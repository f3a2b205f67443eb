"""Finding submissions in a tree: by what the files are and refer to, whatever the folders are called."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Final

from sbrtcheck.batch.submission import Submission
from sbrtcheck.batch.tree import ARCHIVE, PRIORS, Folder, slices_of
from sbrtcheck.dicom.peek import INSIDE, Peek

_PLANS: Final = ("RT Plan", "RT Ion Plan")
_DECLARED: Final = "declared.toml"


@dataclass(frozen=True, slots=True)
class _Object:
    """One object and where it lies."""

    place: str  # folder
    name: str
    peek: Peek
    prior: bool


@dataclass(slots=True)
class _Tree:
    root: Path
    folders: dict[str, Folder]
    objects: list[_Object] = field(default_factory=list)
    by_uid: dict[str, list[_Object]] = field(default_factory=lambda: defaultdict(list))
    by_series: dict[str, list[_Object]] = field(default_factory=lambda: defaultdict(list))
    referring: dict[str, list[_Object]] = field(default_factory=lambda: defaultdict(list))
    under: dict[str, list[Folder]] = field(default_factory=lambda: defaultdict(list))  # by every folder that holds them
    priors: list[Folder] = field(default_factory=list)


def find_submissions(
    root: Path, folders: Sequence[Folder], declared: Mapping[str, str] | None = None
) -> tuple[Submission, ...]:
    """Return the submissions of a tree, by name.

    Parameters
    ----------
    root : Path
    folders : sequence of Folder
        As ``look`` yields them.
    declared : mapping, optional
        Declared facts, TOML, by the name of a submission or the UID of its plan; they go before a ``declared.toml``.

    Returns
    -------
    tuple of Submission
        One a plan. Its folder is the smallest that holds the plan and, of what it refers to (structures, doses, CT),
        the nearest that is there. Where such a folder holds several plans, the objects of each are told apart by the
        UIDs that join them. So they are where that folder holds other submissions as well: then the plan's own folder
        names it. Archives with a plan are submissions as folders are. What belongs to none of them makes one entry a
        folder, whether it holds DICOM or not, so that nothing sent is lost.
    """
    tree = _tree(root, folders)
    plans = [o for o in tree.objects if o.peek.kind in _PLANS and not o.prior]
    wanted: dict[str, list[_Object]] = defaultdict(list)
    for plan in plans:
        wanted[_archive(plan) or _unit(plan, tree)].append(plan)
    units = _joined(wanted)
    found = [s for place in sorted(units) for s in _of_unit(units[place], tree)]
    used = {source for s in found for source in s.sources}
    found += _left_over(tree, set(units), used)
    found += _without_dicom(tree, _level(units), {*units, *(s.name for s in found)})
    holding = Counter(outer for unit in units for outer in _ancestry(unit))
    whole = [_with_company(s, declared or {}, tree, holding) for s in found]
    return tuple(sorted((*whole, *_lonely_priors(tree, whole)), key=lambda s: s.name))


def _tree(root: Path, folders: Sequence[Folder]) -> _Tree:
    tree = _Tree(root, {f.place: f for f in folders})
    for folder in folders:
        is_prior = folder.is_prior
        if is_prior:
            tree.priors.append(folder)
        for outer in _ancestry(folder.place):
            tree.under[outer].append(folder)
        for name, one in folder.objects:
            if one.kind == "CT Image" and not one.uid:  # a slice like the first one, which stands for it
                continue
            entry = _Object(folder.place, name, one, is_prior or "/priors/" in f"/{name.lower()}")
            tree.objects.append(entry)
            if one.uid:
                tree.by_uid[one.uid].append(entry)
            if one.kind == "CT Image":
                for uid in one.belongs_to:
                    tree.by_series[uid].append(entry)
            for uid in one.refers_to:
                tree.referring[uid].append(entry)
    return tree


def _archive(plan: _Object) -> str:
    """Return the innermost archive that a plan lies in, "" where it lies in a folder."""
    if INSIDE not in plan.name:
        return ""
    archive = plan.name.rsplit(INSIDE, 1)[0]
    return f"{plan.place}/{archive}" if plan.place else archive


def _unit(plan: _Object, tree: _Tree) -> str:
    """Return the smallest folder with the plan and the nearest of what belongs to it."""
    structures = [_nearest(tree.by_uid[uid], plan) for uid in plan.peek.refers_to if uid in tree.by_uid]
    wanted = [*structures, _nearest([o for o in tree.referring[plan.peek.uid] if o.peek.kind == "RT Dose"], plan)]
    for structure in structures:
        if structure is not None:
            wanted += [_nearest(tree.by_series[uid], plan) for uid in structure.peek.refers_to if uid in tree.by_series]
    places = [plan.place, *(o.place for o in wanted if o is not None)]
    return _common(places)


def _nearest(objects: Sequence[_Object], plan: _Object) -> _Object | None:
    """Return the object that shares most folders with a plan; None where there is none."""
    found = [o for o in objects if not o.prior and INSIDE not in o.name]
    if not found:
        return None
    beside = [o for o in found if o.place == plan.place]  # mostly; and told at once among thousands of one series
    if beside:
        return min(beside, key=lambda o: o.name)
    return min(found, key=lambda o: (-len(_parts(_common([o.place, plan.place]))), o.place, o.name))


def _common(places: Sequence[str]) -> str:
    parts = [_parts(place) for place in places]
    shared = 0
    while all(len(p) > shared for p in parts) and len({p[shared] for p in parts}) == 1:
        shared += 1
    return "/".join(parts[0][:shared])


def _parts(place: str) -> tuple[str, ...]:
    return PurePosixPath(place).parts if place else ()


@dataclass(slots=True)
class _Unit:
    """Plans that are told apart within one folder or archive, and the folder that holds all that belongs to them."""

    place: str
    reach: str
    plans: list[_Object] = field(default_factory=list)


def _joined(wanted: Mapping[str, list[_Object]]) -> dict[str, _Unit]:
    """Return units of which none lies in another, except archives.

    A folder that holds all of a plan may hold other submissions as well, as where a dose is only found with an earlier
    submission. Plans right in it take them in; those in a folder of their own stay there, and only reach that far.
    """
    units: dict[str, _Unit] = {}
    holding = Counter(outer for place in wanted if not _is_archive(place) for outer in _ancestry(place)[:-1])
    for place, plans in sorted(wanted.items(), key=lambda one: len(_parts(one[0]))):
        for plan in plans:
            own = plan.place if holding[place] and not _is_archive(place) and plan.place != place else place
            above = () if _is_archive(own) else _ancestry(own)[1:]
            outer = next((u for u in above if u in units), own)
            unit = units.setdefault(outer, _Unit(outer, outer))
            unit.reach = _common([unit.reach, place])
            if plan.peek.uid not in {other.peek.uid for other in unit.plans}:
                unit.plans.append(plan)
    return units


def _ancestry(place: str) -> tuple[str, ...]:
    """Return every folder that holds a folder, from the root ("") to itself."""
    parts = _parts(place)
    return ("", *("/".join(parts[: n + 1]) for n in range(len(parts))))


def _is_archive(unit: str) -> bool:
    return INSIDE in unit or unit.lower().endswith(".zip")


def _of_unit(unit: _Unit, tree: _Tree) -> Iterator[Submission]:
    place, plans = unit.place, unit.plans
    if _is_in_archive(place, plans):
        yield from _of_archive(place, plans, tree)
        return
    below = tree.under[unit.reach]
    if len(plans) == 1 and place and place == unit.reach:
        yield Submission(place, (str(tree.root / place),), plans[0].peek.uid or None, _stamp(below))
        return
    looked = [slices_of(tree.root, f) for f in below]
    for plan in plans:
        files = _belonging(plan, looked)
        sources = tuple(str(tree.root / at / name) for at, name in files)
        several = f"{place}#{_short(plan.peek.uid)}".lstrip("/") if len(plans) > 1 else place
        name = several if place else _named_at_root(plan, plans)
        places = {at for at, _ in files}
        yield Submission(name, sources, plan.peek.uid, _stamp([f for f in below if f.place in places]))


def _named_at_root(plan: _Object, plans: Sequence[_Object]) -> str:
    return f"#{_short(plan.peek.uid)}" if len(plans) > 1 else "#"


def _is_in_archive(unit: str, plans: Sequence[_Object]) -> bool:
    return all(INSIDE in plan.name for plan in plans) and any(_archive(plan) == unit for plan in plans)


def _of_archive(unit: str, plans: Sequence[_Object], tree: _Tree) -> Iterator[Submission]:
    stamp = _stamp([tree.folders[plans[0].place]])
    for plan in plans:
        name = unit if len(plans) == 1 else f"{unit}#{_short(plan.peek.uid)}"
        yield Submission(name, (str(tree.root / unit),), plan.peek.uid or None, stamp)


def _belonging(plan: _Object, folders: Sequence[Folder]) -> list[tuple[str, str]]:
    """Return the files that belong to a plan: those that UIDs join to it, directly or through others."""
    files = [(f.place, name, one) for f in folders for name, one in f.objects if one.kind != ARCHIVE]
    names: dict[str, list[int]] = defaultdict(list)
    for number, (_, _, one) in enumerate(files):
        for uid in (one.uid, *one.refers_to, *one.belongs_to):
            if uid:
                names[uid].append(number)
    start = next(n for n, (place, name, _) in enumerate(files) if (place, name) == (plan.place, plan.name))
    seen, open_ = {start}, [start]
    while open_:
        one = files[open_.pop()][2]
        for uid in (one.uid, *one.refers_to, *one.belongs_to):
            for number in names[uid]:
                if number not in seen:
                    seen.add(number)
                    open_.append(number)
    return _nearest_copies(plan, [files[n] for n in sorted(seen)])


def _nearest_copies(plan: _Object, files: Sequence[tuple[str, str, Peek]]) -> list[tuple[str, str]]:
    """Return files without those of which the same object lies nearer to the plan; two in one folder both stay."""
    nearest: dict[str, str] = {}
    for place, name, one in sorted(files, key=lambda f: (-len(_parts(_common([f[0], plan.place]))), f[:2])):
        nearest.setdefault(one.uid or f"{place}/{name}", place)
    return [(place, name) for place, name, one in files if nearest[one.uid or f"{place}/{name}"] == place]


def _level(units: Iterable[str]) -> int:
    """Return how many folders below the root most submissions lie."""
    depth = Counter(len(_parts(unit)) for unit in sorted(units) if not _is_archive(unit)).most_common(1)
    return max(depth[0][0] if depth else 1, 1)


def _left_over(tree: _Tree, units: set[str], used: set[str]) -> Iterator[Submission]:
    """Yield an entry for every folder or archive that holds DICOM and belongs to no plan."""
    level = _level(units)
    taken = {u for u in units if u}
    # Archives that hold a plan, themselves or in archives within.
    opened = {INSIDE.join(u.split(INSIDE)[: n + 1]) for u in taken for n in range(u.count(INSIDE) + 1)}
    rest: dict[str, list[Folder]] = defaultdict(list)
    for place, folder in tree.folders.items():
        for name, one in folder.objects:
            archive = f"{place}/{name}".lstrip("/")
            if one.kind == ARCHIVE and archive not in opened:
                yield Submission(archive, (str(tree.root / archive),), None, _stamp([folder]))
        if not place or folder.is_prior or not taken.isdisjoint(_ancestry(place)):
            continue
        here = f"{tree.root / place}{os.sep}"
        if any(one.kind != ARCHIVE and INSIDE not in name and here + name not in used for name, one in folder.objects):
            rest["/".join(_parts(place)[:level])].append(folder)
    holding = {outer for unit in taken for outer in _ancestry(unit)}
    for place, folders in sorted(rest.items()):
        if place not in holding:
            yield Submission(place, (str(tree.root / place),), None, _stamp(folders))


def _without_dicom(tree: _Tree, level: int, taken: set[str]) -> Iterator[Submission]:
    """Yield an entry for every folder in which nothing is DICOM, outside of all others.

    Somebody sent it, or an export came to nothing: the check says what is wrong with it. It is cut where most
    submissions lie, so that a centre of which every export came to nothing keeps an entry for each.
    """
    full = {outer for folder in tree.folders.values() if folder.objects for outer in _ancestry(folder.place)}
    empty: dict[str, list[Folder]] = defaultdict(list)
    for place, folder in tree.folders.items():
        mute = [outer for outer in _ancestry(place)[1:] if outer not in full]
        if mute and not folder.is_prior and taken.isdisjoint(_ancestry(place)):
            top = next((outer for outer in mute if len(_parts(outer)) >= level), mute[0])
            empty[top].append(folder)
    above = {outer for top in empty for outer in _ancestry(top)[:-1]}
    for top, folders in sorted(empty.items()):
        if top not in above:
            yield Submission(top, (str(tree.root / top),), None, _stamp(folders))


def _with_company(
    submission: Submission, declared: Mapping[str, str], tree: _Tree, holding: Mapping[str, int]
) -> Submission:
    """Return a submission with what lies beside it: earlier courses and declared facts.

    ``holding`` says how many units each folder holds.
    """
    unit = submission.name.split("#")[0]
    homes = [unit]
    parent = "/".join(_parts(unit)[:-1])
    if parent and holding.get(parent, 0) <= 1:
        homes.append(parent)  # plan/, prior/ and declared.toml side by side
    prior = {
        "/".join(_parts(place)[: len(_parts(home)) + 1])
        for home in homes
        for place in (folder.place for folder in tree.priors)
        if place != home and _lies_in(place, home) and _parts(place)[len(_parts(home))].lower() in PRIORS
    }
    text = declared.get(submission.name) or declared.get(submission.plan_uid or "") or ""
    for home in homes:
        beside = tree.root / home / _DECLARED
        if not text and beside.is_file():
            text = beside.read_text(encoding="utf-8-sig", errors="replace")
    old = [folder for one in sorted(prior) for folder in tree.under[one]]
    stamp = hashlib.sha256(f"{submission.stamp}{_stamp(old)}{text}".encode()).hexdigest()
    parts = _parts(submission.name)
    return replace(
        submission,
        declared=text,
        prior=tuple(str(tree.root / one) for one in sorted(prior)),
        stamp=stamp,
        centre=parts[0] if len(parts) > 1 else "",
    )


def _lonely_priors(tree: _Tree, found: Sequence[Submission]) -> Iterator[Submission]:
    """Yield an entry for earlier courses that lie beside no plan."""
    known = (
        {str(tree.root / source) for one in found for source in (*one.prior, *one.sources)} if tree.priors else set()
    )
    for folder in sorted(tree.priors, key=lambda f: f.place):
        here = tree.root / folder.place
        if folder.objects and known.isdisjoint(map(str, (here, *here.parents))):
            why = "earlier courses that lie beside no plan, or beside several"
            yield Submission(folder.place, (str(here),), None, _stamp([folder]), problem=why)


def _lies_in(place: str, unit: str) -> bool:
    return unit in {"", place} or place.startswith(f"{unit}/")


def _stamp(folders: Sequence[Folder]) -> str:
    return hashlib.sha256(repr(sorted((f.place, f.stamp) for f in folders)).encode()).hexdigest()


def _short(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[:8]
