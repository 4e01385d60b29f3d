"""Values: what a frozen dataclass promises, without compiling anything."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, is_dataclass, replace

import pytest

from warmkey.records import Record


class Point(Record):
    """A point on a plane."""

    x: int
    y: int = 0


class Named(Record):
    """Something with a name that is not empty."""

    name: str
    tags: list[str] = field(default_factory=list)
    at: Point = field(default=Point(x=0), metadata={"unit": "m"})

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("it has no name")


class Counter(Record):
    """Something with a part that is no part of its value."""

    start: int = field(repr=False)
    seen: list[int] = field(default_factory=list, init=False, compare=False)


def test_fields_are_given_by_name_and_defaults_fill_in() -> None:
    named = Named(name="here")

    assert (named.name, named.tags, named.at) == ("here", [], Point(x=0, y=0))
    assert named.tags is not Named(name="there").tags


@pytest.mark.parametrize("given", [{}, {"y": 1}, {"x": 1, "z": 1}])
def test_a_field_that_is_missing_or_unknown_is_refused(given: dict[str, int]) -> None:
    with pytest.raises(TypeError, match="Point"):
        Point(**given)


@dataclass(kw_only=True)
class Model:
    """What Python says of a dataclass, a record says too."""

    a: int
    b: int
    c: int
    d: int = 0


class Copy(Record):
    """The same fields."""

    a: int
    b: int
    c: int
    d: int = 0


@pytest.mark.parametrize(
    ("positional", "given"),
    [
        ((), {}),
        ((), {"a": 1, "b": 2}),
        ((), {"a": 1, "c": 2}),
        ((), {"d": 1}),
        ((), {"a": 1, "b": 2, "c": 3, "z": 4}),
        ((), {"z": 4}),
        ((1,), {}),
        ((1, 2, 3), {}),
    ],
)
def test_wrong_arguments_are_refused_in_pythons_words(positional: tuple[int, ...], given: dict[str, int]) -> None:
    with pytest.raises(TypeError) as expected:
        Model(*positional, **given)
    with pytest.raises(TypeError) as actual:
        Copy(*positional, **given)

    assert str(actual.value) == str(expected.value).replace("Model", "Copy").partition(". Did you mean")[0]


@pytest.mark.parametrize(("record", "model"), [(Copy, Model), (Named, None), (Counter, None)])
def test_its_signature_is_that_of_a_dataclass(record: type[Record], model: type | None) -> None:
    parameters = inspect.signature(record).parameters

    assert {each.kind for each in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert list(parameters) == [each.name for each in fields(record) if each.init]
    if model:
        assert parameters == inspect.signature(model).parameters


def test_a_default_that_is_made_anew_is_in_the_signature() -> None:
    assert str(inspect.signature(Named)) == "(*, name: 'str', tags: 'list[str]' = [], at: 'Point' = Point(x=0, y=0))"


def test_it_has_slots_and_nothing_else() -> None:
    assert Point.__slots__ == ("x", "y")  # type: ignore[attr-defined]
    assert not hasattr(Point(x=1), "__dict__")


def test_what_came_together_may_be_checked() -> None:
    with pytest.raises(ValueError, match="no name"):
        Named(name="")
    with pytest.raises(ValueError, match="no name"):
        replace(Named(name="here"), name="")


def test_nothing_can_be_changed() -> None:
    point = Point(x=1)
    with pytest.raises(FrozenInstanceError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        point.z = 2  # type: ignore[attr-defined]
    with pytest.raises(FrozenInstanceError):
        del point.x

    assert point == Point(x=1)


def test_equal_is_what_is_of_one_class_and_holds_the_same() -> None:
    class Other(Record):
        x: int
        y: int = 0

    assert {Point(x=1): "found"}[Point(x=1, y=0)] == "found"
    assert Point(x=1) != Point(x=2)
    assert Point(x=1) != Other(x=1)
    assert Point(x=1) != (1, 0)


def test_what_a_field_says_of_itself_counts() -> None:
    counter, other = Counter(start=1), Counter(start=1)
    counter.seen.append(1)

    assert counter == other
    assert hash(counter) == hash(other)
    assert repr(counter) == "Counter(seen=[1])"
    with pytest.raises(TypeError, match="seen"):
        Counter(start=1, seen=[])  # type: ignore[call-arg]


def test_it_shows_what_it_holds() -> None:
    assert repr(Named(name="here")) == "Named(name='here', tags=[], at=Point(x=0, y=0))"


def test_the_functions_of_dataclasses_take_it() -> None:
    named = Named(name="here", at=Point(x=1))

    assert is_dataclass(named)
    assert [each.name for each in fields(Named)] == ["name", "tags", "at"]
    assert fields(Named)[2].metadata == {"unit": "m"}
    assert replace(named, name="there") == Named(name="there", at=Point(x=1))
    assert asdict(named) == {"name": "here", "tags": [], "at": {"x": 1, "y": 0}}


def test_it_can_be_copied_and_pickled() -> None:
    point = Point(x=1)

    assert copy.copy(point) == copy.deepcopy(point) == pickle.loads(pickle.dumps(point)) == point
