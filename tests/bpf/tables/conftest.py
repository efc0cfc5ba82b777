"""Fixtures of tests of the tables."""

from __future__ import annotations

from tests.support.tables import bpffs_dir, maps, namespace, tables, tables_path

__all__ = ["bpffs_dir", "maps", "namespace", "tables", "tables_path"]
