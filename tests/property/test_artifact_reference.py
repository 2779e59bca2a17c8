"""Laws of references: one spelling, read and written alike; a prefix covers whole parts only, and never another server."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.fleet.artifact_reference import Fault, Reference, covers, read

NAME = st.sampled_from(["ghcr.io", "a.b", "registry.acme.example", "x-y.z0", "10.0.0.5", "8.8.8.8", "localhost", "h0"])
V6 = st.ip_addresses(v=6).map(str).filter(lambda text: "." not in text).map("[{}]".format)
PORT = st.just("") | st.integers(1, 65535).map(":{}".format)
REGISTRY = st.builds(str.__add__, NAME | V6, PORT).filter(
    lambda text: "." in text or ":" in text or text == "localhost"
)
PART = st.sampled_from(["a", "acme", "a0", "0", "a.b", "a_b", "a__b", "a-b", "a---b", "a.b-c_d"])
REPOSITORY = st.lists(PART, min_size=1, max_size=4).map("/".join)
TAG = st.sampled_from(["v1", "_", "1.2.3", "A-b_c.d", "latest"])
DIGEST = st.binary(min_size=32, max_size=32).map(lambda data: f"sha256:{data.hex()}") | st.binary(
    min_size=64, max_size=64
).map(lambda data: f"sha512:{data.hex()}")
REFERENCES = st.builds(
    lambda registry, repository, tag, digest: Reference(registry=registry, repository=repository, tag=tag, digest=digest),
    REGISTRY, REPOSITORY, st.just("") | TAG, st.just("") | DIGEST,
)  # fmt: skip


@given(REFERENCES)
def test_what_is_written_is_read_again(reference: Reference) -> None:
    assert read(str(reference)) == reference


@given(st.text(max_size=300) | REFERENCES.map(str).flatmap(lambda text: st.permutations(list(text)).map("".join)))
def test_whatever_is_read_is_written_the_same(text: str) -> None:
    found = read(text)
    assert isinstance(found, Fault) or str(found) == text


@given(REFERENCES, st.data())
def test_one_changed_character_is_another_reference_or_none(reference: Reference, data: st.DataObject) -> None:
    text = str(reference)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters().filter(lambda character: character != text[at]))
    assert read(text[:at] + other + text[at + 1 :]) != reference


@given(REFERENCES)
def test_each_whole_part_is_a_prefix_that_covers(reference: Reference) -> None:
    parts = reference.repository.split("/")
    for count in range(len(parts) + 1):
        prefix = "/".join((reference.registry, *parts[:count]))
        assert covers(prefix, reference)
        assert covers(f"{prefix}/", reference)


@given(REFERENCES, st.integers(1, 200))
def test_a_part_cut_short_is_none(reference: Reference, length: int) -> None:
    prefix = reference.name[:length]
    if len(prefix) < len(reference.name) and reference.name[length] != "/" and prefix[-1] != "/":
        assert not covers(prefix, reference)


@given(REFERENCES, REFERENCES)
def test_a_prefix_never_reaches_another_server(one: Reference, other: Reference) -> None:
    if one.registry != other.registry:
        assert not covers(one.registry, other)
        assert not covers(one.name, other)
