"""`index.html`: the whole report in one file that opens offline, anywhere.

No script, no font, no image and no address is fetched: figures are inline SVG, the style sheet is
inline, and it follows the reader's light or dark setting. Order: what scored what, layer by layer,
then where every number comes from.
"""

from collections.abc import Sequence

from jaxprobe.reports import marble_section, provenance, scores, sheet
from jaxprobe.reports.drawings import Drawing
from jaxprobe.reports.inline import inline
from jaxprobe.reports.markup import details, escape, figure
from jaxprobe.reports.read import Result, encoders, of_encoder, of_task, tasks

Figures = dict[str, tuple[Drawing, bytes]]  # Name -> drawing and its SVG.

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
    'rates': 'Learning rates: validation scores, seed means, which is what selection sees. Thin '
    'frame: the rate of each source; thick: the selected cell; ×: a seed diverged.',
}


def page(results: Sequence[Result], figures: Figures, *, commands: Sequence[str]) -> str:
    """Writes the page.

    Args:
        results: of one or several encoders and tasks.
        figures: rendered drawings, by name.
        commands: that rebuild and verify the report.

    Returns:
        HTML.
    """
    parts = [
        '<h2 id="scores">Scores</h2>',
        scores.overview(results),
        marble_section.section(results),
        '<h2 id="tasks">Tasks</h2>',
        _legend('curve'),
        *(_task(results, task, figures) for task in tasks(results)),
        '<h2 id="encoders">Encoders</h2>',
        _legend('layers', 'weights', 'rates'),
        *(_encoder(results, encoder, figures) for encoder in encoders(results)),
        '<h2 id="provenance">Where the numbers come from</h2>',
        provenance.section(results),
        '<h2 id="check">Check and cite</h2>',
        provenance.check(results, commands),
    ]
    title = _title(results)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><style>{sheet.CSS}</style></head>\n<body>\n'
        f'{_header(results, title)}\n{_NAV}\n<main>\n' + '\n'.join(parts) + '\n</main>\n'
        f'<footer>{_footer(results)}</footer>\n</body></html>\n'
    )


_NAV = (
    '<nav aria-label="Sections"><div><a href="#scores">Scores</a><a href="#tasks">Tasks</a>'
    '<a href="#encoders">Encoders</a><a href="#provenance">Provenance</a>'
    '<a href="#check">Check and cite</a></div></nav>'
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
    rates = ''.join(_figures(figures, 'rates', encoder))
    folded = details(f'Learning rates, {encoder}', f'<div class="pair">{rates}</div>')
    return '\n'.join([head, title, *maps, folded])


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
