"""The page's style sheet and program, from the files in `web/`, as they stand in the page."""

import base64
import hashlib
from pathlib import Path

WEB = Path(__file__).parent / 'web'
# In this order one program: later files use what earlier ones define.
SCRIPTS = (
    'core.js',
    'tables.js',
    'chart.js',
    'layers.js',
    'sure.js',
    'compared.js',
    'noise.js',
    'meaning.js',
    'page.js',
)


def css() -> str:
    """The style sheet."""
    return (WEB / 'page.css').read_text(encoding='utf-8')


def script() -> str:
    """The program: one strict function, so that nothing of it is global."""
    parts = [(WEB / name).read_text(encoding='utf-8') for name in SCRIPTS]
    return "(() => {\n'use strict';\n" + '\n'.join(parts) + '})();\n'


def policy(program: str, *, audio: bool) -> str:
    """What the browser may load for this page: nothing but itself.

    Args:
        program: the only script that may run, named by its hash.
        audio: sounds may be read from local files, where the reader plays them.

    Returns:
        A content security policy.
    """
    digest = base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()
    parts = ["default-src 'none'", "style-src 'unsafe-inline'", f"script-src 'sha256-{digest}'"]
    parts += ['img-src data:', "base-uri 'none'", "form-action 'none'"]
    return '; '.join([*parts, *(['media-src file:'] if audio else [])])
