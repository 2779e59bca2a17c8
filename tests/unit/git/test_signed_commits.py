"""Commits and tags signed by real git with real ssh-keygen and gpg: who may sign counts, nobody else, and git agrees."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pygit2
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import InputError, UnavailableError
from reconciler.git import sshsig
from reconciler.git.fetch import fetch
from reconciler.git.signers import signers_of
from reconciler.git.source import Source
from reconciler.git.verify import signer_of

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
needs_gpg = pytest.mark.skipif(shutil.which("gpg") is None, reason="gpg is not installed")
ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com", "PATH": os.environ.get("PATH", ""), "TZ": "UTC",
}  # fmt: skip
#: 2026-01-01T00:00:00Z, when every commit here is made.
MADE = 1767225600


@dataclass
class Signing:
    """A repository and keys to sign with."""

    folder: Path
    more: dict[str, str]

    @property
    def repository(self) -> Path:
        return self.folder / "r"

    def run(self, *command: str) -> str:
        dates = {"GIT_COMMITTER_DATE": f"{MADE} +0000", "GIT_AUTHOR_DATE": f"{MADE} +0000"}
        environment = {**ENVIRONMENT, **dates, **self.more}
        return subprocess.run(
            command, cwd=self.repository, env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    def git(self, *arguments: str) -> str:
        return self.run("git", *arguments)

    def key(self, name: str, kind: str = "ed25519", *more: str) -> str:
        """Make an SSH key; gives its public line."""
        path = self.folder / name
        if not path.exists():
            self.run("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", f"{name}@example.com", "-f", str(path), *more)
        return path.with_name(f"{name}.pub").read_text()

    def ssh(self, name: str) -> tuple[str, ...]:
        return "-c", "gpg.format=ssh", "-c", f"user.signingkey={self.folder / name}.pub"

    def commit(self, *options: str, sign: bool = True) -> str:
        self.git(*options, "commit", "--quiet", "--allow-empty", *(["-S"] if sign else []), "-m", "Change the fleet")
        return self.git("rev-parse", "HEAD")

    def agrees(self, commit: str, allowed: str) -> bool:
        """Tell whether git itself takes the signature, by an allowed_signers file."""
        path = self.folder / "allowed_signers"
        path.write_text(allowed)
        command = ["git", "-c", f"gpg.ssh.allowedSignersFile={path}", "verify-commit", commit]
        answer = subprocess.run(
            command, cwd=self.repository, env={**ENVIRONMENT, **self.more}, capture_output=True, check=False
        )
        return answer.returncode == 0

    def who(self, commit: str, *keys: str, tag: str = "") -> str:
        return signer_of(self.repository, commit, signers_of(keys), tag=tag)


@pytest.fixture
def signing(tmp_path: Path) -> Signing:
    (tmp_path / "r").mkdir()
    made = Signing(tmp_path, {})
    made.git("init", "--quiet", "--initial-branch=main")
    return made


@pytest.mark.parametrize(
    ("kind", "more"), [("ed25519", ()), ("rsa", ("-b", "2048")), ("ecdsa", ("-b", "256")), ("ecdsa", ("-b", "521"))]
)
def test_a_commit_signed_with_a_named_key_counts(signing: Signing, kind: str, more: tuple[str, ...]) -> None:
    line = signing.key("me", kind, *more)
    commit = signing.commit(*signing.ssh("me"))
    assert signing.who(commit, signing.key("other"), line) == "me@example.com"
    assert signing.agrees(commit, f"me@example.com {line}")


def test_the_same_key_may_be_named_as_pem(signing: Signing) -> None:
    signing.key("me", "ecdsa")
    commit = signing.commit(*signing.ssh("me"))
    pem = signing.run("ssh-keygen", "-e", "-m", "PKCS8", "-f", f"{signing.folder / 'me'}.pub")
    assert signing.who(commit, pem).startswith("SHA256:")


def test_a_commit_without_a_signature_does_not_count(signing: Signing) -> None:
    commit = signing.commit(sign=False)
    with pytest.raises(InputError, match="is not signed"):
        signing.who(commit, signing.key("me"))


def test_a_commit_signed_with_another_key_does_not_count(signing: Signing) -> None:
    signing.key("stranger")
    commit = signing.commit(*signing.ssh("stranger"))
    with pytest.raises(InputError, match="none of those named"):
        signing.who(commit, signing.key("me"))
    assert not signing.agrees(commit, f"me@example.com {signing.key('me')}")


def test_a_commit_that_was_changed_after_it_was_signed_does_not_count(signing: Signing) -> None:
    line = signing.key("me")
    commit = signing.commit(*signing.ssh("me"))
    raw = signing.git("cat-file", "commit", commit).replace("Change the fleet", "Change another")
    forged = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"], cwd=signing.repository, input=f"{raw}\n".encode(),
        env=ENVIRONMENT, capture_output=True, check=True,
    ).stdout.decode().strip()  # fmt: skip
    assert forged != commit
    with pytest.raises(InputError, match="was changed after it was signed"):
        signing.who(forged, line)
    assert not signing.agrees(forged, f"me@example.com {line}")


def test_a_merge_is_a_commit_like_others_and_its_parents_signatures_are_not_its_own(signing: Signing) -> None:
    line = signing.key("me")
    signing.commit(*signing.ssh("me"))
    signing.git("checkout", "--quiet", "-b", "change")
    signing.commit(*signing.ssh("me"))
    signing.git("checkout", "--quiet", "main")
    for options, signed in (((*signing.ssh("me"), "merge", "-S"), True), (("merge", "--no-gpg-sign"), False)):
        signing.git("reset", "--quiet", "--hard", "change~1")
        signing.git(*options, "--quiet", "--no-ff", "-m", "Merge", "change")
        merge = signing.git("rev-parse", "HEAD")
        assert signing.git("rev-list", "--parents", "-n", "1", merge).count(" ") == 2
        assert signing.agrees(merge, f"me@example.com {line}") is signed
        if signed:
            assert signing.who(merge, line) == "me@example.com"
        else:
            with pytest.raises(InputError, match="is not signed"):
                signing.who(merge, line)


def transplanted(signing: Signing, signature: str, message: str = "Change the fleet") -> str:
    """Make a commit that carries a signature which was made by other means."""
    repository = pygit2.Repository(str(signing.repository))
    made = repository.create_commit_with_signature(content(signing, message), signature, "gpgsig")
    return str(made)


def content(signing: Signing, message: str = "Change the fleet") -> str:
    tree = signing.git("hash-object", "-t", "tree", "-w", os.devnull)
    person = f"a <a@example.com> {MADE} +0000"
    return f"tree {tree}\nauthor {person}\ncommitter {person}\n\n{message}\n"


@pytest.mark.parametrize(("namespace", "counts"), [("git", True), ("file", False), ("git@example.com", False)])
def test_a_signature_made_for_something_else_does_not_count(signing: Signing, namespace: str, counts: bool) -> None:
    line = signing.key("me")
    (signing.folder / "text").write_text(content(signing))
    signing.run(
        "ssh-keygen",
        "-q",
        "-Y",
        "sign",
        "-n",
        namespace,
        "-f",
        str(signing.folder / "me"),
        str(signing.folder / "text"),
    )
    commit = transplanted(signing, (signing.folder / "text.sig").read_text())
    if counts:
        assert signing.who(commit, line) == "me@example.com"
    else:
        with pytest.raises(InputError, match="something else than Git"):
            signing.who(commit, line)
    assert signing.agrees(commit, f"me@example.com {line}") is counts


@pytest.mark.parametrize(
    ("options", "counts"),
    [
        ('namespaces="git"', True),
        ('namespaces="file,git"', True),
        ('namespaces="file"', False),
        ('valid-after="20250101"', True),
        ('valid-after="20260101000000Z"', True),
        ('valid-after="20260102"', False),
        ('valid-before="20270101"', True),
        ('valid-before="20251231235959"', False),
        ('valid-after="20250101",valid-before="20270101",namespaces="git"', True),
    ],
)
def test_lines_of_allowed_signers_count_as_ssh_keygen_has_them(signing: Signing, options: str, counts: bool) -> None:
    line = f"ops@example.com {options} {signing.key('me')}"
    commit = signing.commit(*signing.ssh("me"))
    if counts:
        assert signing.who(commit, line) == "ops@example.com"
    else:
        with pytest.raises(InputError, match="may not sign for Git at that time"):
            signing.who(commit, line)
    assert signing.agrees(commit, line) is counts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nobody",
        "ssh-ed25519",
        "ssh-ed25519 !!!",
        "ssh-ed25519 AAAA",
        "ssh-dss AAAAB3NzaC1kc3M= old",
        "ops cert-authority ssh-ed25519 AAAA",
        'ops valid-after="soon" ssh-ed25519 AAAA',
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----",
    ],
)
def test_a_key_that_can_not_be_used_is_told_before_anything_is_followed(text: str) -> None:
    with pytest.raises(InputError, match=r"source\.verify"):
        signers_of([text])


def test_weak_keys_are_not_taken(signing: Signing) -> None:
    weak = signing.key("weak", "rsa", "-b", "1024")
    with pytest.raises(InputError, match="1024 bits"):
        signers_of([weak])


@given(
    st.one_of(
        st.text(max_size=200),
        st.binary(max_size=300).map(lambda data: f"{sshsig.BEGIN}\n{base64.b64encode(data).decode()}\n{sshsig.END}"),
    )
)
def test_what_is_no_signature_is_an_error_and_never_a_fault(text: str) -> None:
    with pytest.raises(InputError):
        sshsig.parse_signature(text)


def test_a_commit_that_is_not_there_is_no_refusal(signing: Signing) -> None:
    with pytest.raises(UnavailableError):
        signing.who("0" * 40, signing.key("me"))


def string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def by_security_key(private: Any, message: bytes, *, flags: int = 1) -> tuple[str, str]:
    """Give the public line and the armored signature that a security key would make (OpenSSH's PROTOCOL.u2f)."""
    application, presence = b"ssh:", bytes([flags]) + struct.pack(">I", 7)
    digest = hashlib.sha512(message).digest()
    parts = (b"git", b"", b"sha512", digest)
    signed = b"SSHSIG" + b"".join(string(part) for part in parts)
    touched = hashlib.sha256(application).digest() + presence + hashlib.sha256(signed).digest()
    if isinstance(private, ed25519.Ed25519PrivateKey):
        kind = b"sk-ssh-ed25519@openssh.com"
        blob = string(kind) + string(private.public_key().public_bytes_raw()) + string(application)
        value = private.sign(touched)
    else:
        kind = b"sk-ecdsa-sha2-nistp256@openssh.com"
        point = private.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        blob = string(kind) + string(b"nistp256") + string(point) + string(application)
        numbers = decode_dss_signature(private.sign(touched, ec.ECDSA(hashes.SHA256())))
        value = b"".join(string(each.to_bytes(each.bit_length() // 8 + 1, "big")) for each in numbers)
    signature = string(kind) + string(value) + presence
    body = b"SSHSIG" + struct.pack(">I", 1) + b"".join(string(part) for part in (blob, *parts[:3], signature))
    text = base64.b64encode(body).decode()
    lines = "\n".join(text[at : at + 70] for at in range(0, len(text), 70))
    return f"{kind.decode()} {base64.b64encode(blob).decode()} yubi", f"{sshsig.BEGIN}\n{lines}\n{sshsig.END}\n"


@pytest.mark.parametrize(
    "private",
    [ed25519.Ed25519PrivateKey.generate, lambda: ec.generate_private_key(ec.SECP256R1())],
    ids=["ed25519", "ecdsa"],
)
def test_a_security_key_counts_where_it_was_touched(signing: Signing, private: Any) -> None:
    key = private()
    line, signature = by_security_key(key, content(signing).encode())
    commit = transplanted(signing, signature)
    assert signing.who(commit, line) == "yubi"
    assert signing.agrees(commit, f"yubi {line}")

    line, untouched = by_security_key(key, content(signing, "Change another").encode(), flags=0)
    commit = transplanted(signing, untouched, "Change another")
    with pytest.raises(InputError, match="nobody touched"):
        signing.who(commit, line)
    assert signing.agrees(commit, f"yubi {line}")  # git does not ask for a touch

    plain = signing.key("me")
    with pytest.raises(InputError, match="none of those named"):
        signing.who(commit, plain)


def fetched(signing: Signing, tag: str) -> None:
    """What a fetch of the tag leaves behind."""
    signing.git("update-ref", "refs/spinfleet/fetched", signing.git("rev-parse", f"refs/tags/{tag}"))


def test_a_signed_tag_counts_for_the_commit_that_it_names(signing: Signing) -> None:
    line = signing.key("me")
    commit = signing.commit(sign=False)
    signing.git(*signing.ssh("me"), "tag", "--sign", "-m", "Release", "v1")
    fetched(signing, "v1")
    assert signing.who(commit, line, tag="v1") == "me@example.com"
    with pytest.raises(InputError, match="is not signed"):
        signing.who(commit, line)
    with pytest.raises(InputError, match="none of those named"):
        signing.who(commit, signing.key("other"), tag="v1")


async def test_a_tag_is_verified_as_it_was_fetched(signing: Signing) -> None:
    line, into = signing.key("me"), signing.folder / "fetched.git"
    signing.commit(sign=False)
    signing.git(*signing.ssh("me"), "tag", "--sign", "-m", "Release", "v1")
    found = await fetch(Source(url=str(signing.repository), tag="v1"), into, local=True)
    assert signer_of(into, found.commit, signers_of([line]), tag="v1") == "me@example.com"


def test_a_signed_tag_under_another_name_does_not_count(signing: Signing) -> None:
    """Who may push, and not sign, could else bring an old release back as the new one."""
    line = signing.key("me")
    commit = signing.commit(sign=False)
    signing.git(*signing.ssh("me"), "tag", "--sign", "-m", "Release", "v1")
    signing.git("update-ref", "refs/tags/production", signing.git("rev-parse", "refs/tags/v1"))
    fetched(signing, "production")
    with pytest.raises(InputError, match="tag production is not signed"):
        signing.who(commit, line, tag="production")


def test_of_a_light_tag_the_commits_own_signature_counts(signing: Signing) -> None:
    line = signing.key("me")
    commit = signing.commit(*signing.ssh("me"))
    signing.git("tag", "v1")
    fetched(signing, "v1")
    assert signing.who(commit, line, tag="v1") == "me@example.com"


@pytest.fixture
def gpg(signing: Signing) -> Iterator[Signing]:
    home = signing.folder / "gpg"
    home.mkdir(mode=0o700)
    signing.more["GNUPGHOME"] = str(home)
    for name in ("release", "stranger"):
        signing.run(
            "gpg",
            "--quiet",
            "--batch",
            "--passphrase",
            "",
            "--quick-generate-key",
            f"{name} <{name}@example.com>",
            "ed25519",
            "sign",
            "never",
        )
    yield signing
    subprocess.run(["gpgconf", "--kill", "all"], env={**ENVIRONMENT, **signing.more}, check=False)


@needs_gpg
def test_commits_and_tags_signed_with_gpg_count(gpg: Signing) -> None:
    gpg.git("config", "user.signingkey", "release@example.com")
    commit = gpg.commit()
    release = gpg.run("gpg", "--armor", "--export", "release@example.com")
    assert gpg.who(commit, gpg.key("me"), release) == "release <release@example.com>"
    assert gpg.agrees(commit, "")
    with pytest.raises(InputError, match="signature does not hold"):
        gpg.who(commit, gpg.run("gpg", "--armor", "--export", "stranger@example.com"))
    with pytest.raises(InputError, match="no OpenPGP key is named"):
        gpg.who(commit, gpg.key("me"))

    plain = gpg.commit(sign=False)
    gpg.git("tag", "--sign", "-m", "Release", "v1")
    fetched(gpg, "v1")
    assert gpg.who(plain, release, tag="v1") == "release <release@example.com>"


@needs_gpg
def test_a_gpg_signature_of_another_commit_does_not_count(gpg: Signing) -> None:
    gpg.git("config", "user.signingkey", "release@example.com")
    signature, _ = pygit2.Repository(str(gpg.repository))[gpg.commit()].gpg_signature
    commit = transplanted(gpg, signature.decode(), "Change another")
    release = gpg.run("gpg", "--armor", "--export", "release@example.com")
    with pytest.raises(InputError, match="signature does not hold"):
        gpg.who(commit, release)
    with pytest.raises(InputError, match="does not hold"):
        gpg.who(transplanted(gpg, "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----"), release)


def at(signing: Signing, when: str) -> tuple[str, ...]:
    """Have git sign with gpg as if it were that time."""
    program = signing.folder / f"gpg-{when}"
    program.write_text(f'#!/bin/sh\nexec gpg --faked-system-time {when}! "$@"\n')
    program.chmod(0o755)
    return "-c", f"gpg.program={program}"


@needs_gpg
def test_a_gpg_key_that_has_expired_does_not_count_though_it_signed_in_its_life(gpg: Signing) -> None:
    made = ("--batch", "--passphrase", "", "--quick-generate-key", "old <old@example.com>", "ed25519", "sign", "2d")
    gpg.run("gpg", "--quiet", "--faked-system-time", "20250101T000000!", *made)
    gpg.git("config", "user.signingkey", "old@example.com")
    commit = gpg.commit(*at(gpg, "20250101T120000"))
    with pytest.raises(InputError, match="expired at 2025-01-03"):
        gpg.who(commit, gpg.run("gpg", "--armor", "--export", "old@example.com"))
    assert not gpg.agrees(commit, "")


@needs_gpg
def test_a_gpg_key_that_was_revoked_does_not_count(gpg: Signing) -> None:
    gpg.git("config", "user.signingkey", "release@example.com")
    commit = gpg.commit()
    home = Path(gpg.more["GNUPGHOME"])
    fingerprint = gpg.run("gpg", "--with-colons", "--list-keys", "release@example.com").split("fpr:::::::::")[1][:40]
    certificate = (home / "openpgp-revocs.d" / f"{fingerprint}.rev").read_text()
    (home / "revoke").write_text(certificate.replace(":-----BEGIN", "-----BEGIN"))
    gpg.run("gpg", "--quiet", "--batch", "--import", str(home / "revoke"))
    with pytest.raises(InputError, match=r"; a key that is named was revoked$"):
        gpg.who(commit, gpg.run("gpg", "--armor", "--export", "release@example.com"))
    assert not gpg.agrees(commit, "")


@needs_gpg
def test_without_the_extra_an_openpgp_key_says_what_to_install(gpg: Signing, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    release = gpg.run("gpg", "--armor", "--export", "release@example.com")
    monkeypatch.setitem(sys.modules, "pysequoia", None)
    with pytest.raises(InputError) as raised:
        signers_of([release])
    assert "`gpg` extra" in raised.value.hint
