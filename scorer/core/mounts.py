"""On what kind of file system a path lies, by the list of mounts that Linux keeps."""

from __future__ import annotations

from typing import Final

OVER_THE_NETWORK: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "beegfs", "vboxsf", "virtiofs"}
    | {"fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.cephfs", "fuse.vmhgfs-fuse"}
)
"""Kinds of file system whose locks, or whose promise that something is written, can't be relied on."""
_ESCAPES: Final = {r"\040": " ", r"\011": "\t", r"\012": "\n", r"\134": "\\"}


def file_system_of(path: str, mounts: str) -> str:
    """Return the kind of file system that an absolute *path* lies on; empty where *mounts* (``/proc/mounts``) don't tell.

    >>> file_system_of("/srv/data/wt", "/dev/sda1 / ext4 rw 0 0\\nnas:/x /srv/data nfs4 rw 0 0\\n")
    'nfs4'
    """
    found, longest = "", -1
    for line in mounts.splitlines():
        parts = line.split(" ")
        if len(parts) < 3:
            continue
        folder = _plain(parts[1]).rstrip("/")
        # Of two mounts on one folder the later hides the earlier.
        if (path == folder or path.startswith(f"{folder}/")) and len(folder) >= longest:
            found, longest = parts[2], len(folder)
    return found


def _plain(folder: str) -> str:
    for escaped, meant in _ESCAPES.items():
        folder = folder.replace(escaped, meant)
    return folder
