"""`index.html`: the whole report in one file that opens offline, anywhere.

Nothing is fetched, and a content security policy holds the browser to it: style sheet, program,
data and figures are inline. What the reader chooses is drawn by the program from the data island
(`island.py`); without JavaScript the same results stand as static figures and tables. Order: the
scores of everything, then the four questions of a reviewer (which layer? how sure? compared with
what? does it survive noise?), what layers mean, then where every number comes from.
"""

from collections.abc import Sequence
from pathlib import Path

from jaxprobe.reports import island, marble_section, provenance, scores, sheet
from jaxprobe.reports.drawings import Drawing
from jaxprobe.reports.inline import inline
from jaxprobe.reports.markup import escape, figure
from jaxprobe.reports.read import Result, encoders, of_encoder, of_task, tasks

Figures = dict[str, tuple[Drawing, bytes]]  # Name -> drawing and its SVG.

# The parts that the program fills (`web/page.js` has the same ids); it hides those without data.
QUESTIONS = {
    'which-layer': 'Which layer?',
    'how-sure': 'How sure?',
    'compared': 'Compared with what?',
    'noise': 'Does it survive noise?',
    'meaning': 'What do the layers share, and what gets mixed up?',
}

CAPTIONS = {
    'curve': 'Curves. Line: mean over seeds at the learning rate that validation selects for the '
    'layer. Band: standard deviation over seeds. Whiskers: 95 % bootstrap interval over test '
    'items. Ring: the source that validation selects. Dotted and dashed: what constant answers '
    'earn.',
    'layers': 'Test score by layer, seed means. Every row has its own colours: dark is what the '
    'best constant answer earns, bright the best of the row. Red frame: selected on validation. '
    '×: diverged.',
    'weights': 'Learned layer weights: the softmax of the weighted sum, at the learning rate '
    'selected for it.',
}


def page(
    results: Sequence[Result],
    figures: Figures,
    *,
    commands: Sequence[str],
    listen: Path | None = None,
) -> str:
    """Writes the page.

    Args:
        results: of one or several encoders and tasks.
        figures: rendered drawings, by name; curves, maps and weights stand in the page for readers
            without JavaScript.
        commands: that rebuild and verify the report.
        listen: the folder the page is written to, where it should play the audio of confused
            items from where it lies; None leaves every path out of the page.

    Returns:
        HTML.
    """
    title = _title(results)
    program = sheet.script()
    policy = sheet.policy(program, audio=listen is not None)
    parts = [
        '<section id="scores"><h2>Scores</h2>',
        scores.overview(results),
        marble_section.section(results),
        '</section>',
        '<p id="none" class="banner" hidden>No encoder is chosen that was probed on this task.</p>',
        *(_question(name, words) for name, words in QUESTIONS.items()),
        f'<noscript>{_static(results, figures)}</noscript>',
        '<section id="provenance"><h2>Where the numbers come from</h2>',
        provenance.section(results),
        '</section>\n<section id="check"><h2>Check and cite</h2>',
        provenance.check(results, commands),
        '</section>',
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'  # Else a browser asks a server for one.
        f'<title>{escape(title)}</title><style>{sheet.css()}</style></head>\n<body>\n'
        f'{_header(results, title)}\n{_BAR}\n<main>\n' + '\n'.join(parts) + '\n</main>\n'
        f'<footer>{_footer(results)}</footer>\n'
        '<div id="tip" hidden></div><div id="said" role="status"></div>\n'
        f'<script type="application/json" id="data">{island.island(results, title, listen=listen)}'
        f'</script>\n<script>{program}</script>\n</body></html>\n'
    )


_LINKS = ''.join(f'<a href="#{name}">{words}</a>' for name, words in QUESTIONS.items())
_BAR = f"""<div class="bar"><div>
<nav aria-label="Sections"><a href="#scores">Scores</a>
{_LINKS.replace('What do the layers share, and what gets mixed up?', 'Meaning')}
<a href="#provenance">Provenance</a><a href="#check">Check and cite</a>
<button type="button" id="theme" class="theme">Light / dark</button></nav>
<div class="chooser" role="group" aria-label="What is shown">
<label><span>Task</span> <select id="task"></select></label>
<label><span>Metric</span> <select id="metric"></select></label>
<fieldset id="encoders-chosen"><legend>Encoders</legend></fieldset>
<label><span>In detail</span> <select id="detail"></select></label>
</div></div></div>"""


def _question(name: str, words: str) -> str:
    return (
        f'<section class="q" id="{name}"><h2 tabindex="-1">{words}</h2>'
        f'<div class="body"></div></section>'
    )


def _static(results: Sequence[Result], figures: Figures) -> str:
    """The results for readers without JavaScript: every curve, map and table, nothing to choose."""
    off = (
        '<p class="banner">JavaScript is off, so nothing can be chosen here; the figures and '
        'tables below are all of the scores. The rest of the results lies in the files listed '
        'at the end.</p>'
    )
    return '\n'.join(
        [
            off,
            '<h2 id="tasks">Tasks</h2>',
            _legend('curve'),
            *(_task(results, task, figures) for task in tasks(results)),
            '<h2 id="encoders">Encoders</h2>',
            _legend('layers', 'weights'),
            *(_encoder(results, encoder, figures) for encoder in encoders(results)),
        ]
    )


def _title(results: Sequence[Result]) -> str:
    names = encoders([r for r in results if not r.control] or results)
    shown = ', '.join(names[:3]) + (f' and {len(names) - 3} more' if len(names) > 3 else '')
    return f'What the layers of {shown} know'


def _header(results: Sequence[Result], title: str) -> str:
    count = f'{_count(encoders(results), "encoder")}, {_count(tasks(results), "task")}'
    seeds = sorted({r.data['main_score']['n_seeds'] for r in results} - {0}) or [0]
    seeds_text = '–'.join(dict.fromkeys([str(seeds[0]), str(seeds[-1])]))
    boot = results[0].data['bootstrap']
    lead = (
        f'{count}. Scores are means over seeds ({seeds_text}); the layer and the learning rate are '
        f'selected on validation; intervals are {100 * boot["level"]:.0f} % bootstrap intervals '
        f'over test items ({boot["resamples"]} draws, whole groups where groups are known).'
    )
    return (
        f'<header><h1>{escape(title)}</h1><p class="soft">{escape(lead)}</p>'
        f'{_banner(results)}</header>'
    )


def _count(names: Sequence[str], what: str) -> str:
    return f'{len(names)} {what}' + ('' if len(names) == 1 else 's')


def _banner(results: Sequence[Result]) -> str:
    if not any(r.limited for r in results):
        return ''
    some = 'All' if all(r.limited for r in results) else 'Some'
    return (
        f'<p class="banner"><b>{some} of these are trials</b> on a part of the data '
        f'(<code>limit</code>). They show that the pipeline runs, not what a model knows.</p>'
    )


def _task(results: Sequence[Result], task: str, figures: Figures) -> str:
    rows = of_task(results, task)
    return '\n'.join(
        [
            f'<h3>{escape(task)}</h3>',
            f'<p class="soft">{scores.task_line(rows)}</p>',
            *_figures(figures, 'curve', task),
            scores.task_table(rows),
            scores.remarks(rows),
        ]
    )


def _encoder(results: Sequence[Result], encoder: str, figures: Figures) -> str:
    rows = of_encoder(results, encoder)
    kind = ' <span class="tag">random weights</span>' if rows[0].control else ''
    head = f'<h3>{escape(encoder)}{kind}</h3>'
    title = f'<p class="soft">{escape(rows[0].data["encoder"].get("title", ""))}</p>'
    maps = [*_figures(figures, 'layers', encoder), *_figures(figures, 'weights', encoder)]
    return '\n'.join([head, title, *maps])


def _legend(*kinds: str) -> str:
    return '\n'.join(f'<p class="small soft">{CAPTIONS[kind]}</p>' for kind in kinds)


def _figures(figures: Figures, kind: str, about: str) -> list[str]:
    numbers = {name: f'f{index}' for index, name in enumerate(figures)}
    return [
        figure(inline(svg, name=numbers[name], alt=drawing.alt))
        for name, (drawing, svg) in figures.items()
        if drawing.kind == kind and drawing.about == about
    ]


def _footer(results: Sequence[Result]) -> str:
    versions = sorted({str(r.data.get('env', {}).get('jaxprobe', 'unknown')) for r in results})
    return f'jaxprobe {escape(", ".join(versions))}. This file needs no network.'
