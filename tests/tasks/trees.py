"""Small trees of real layout: what a user's disk looks like after each owner's instructions.

Every function lays one data set below a data directory. `sound` writes an audio file; by default
one that cannot be decoded, which listing never notices. `few` items are enough for every split to
have some, and for labels to vary.
"""

import csv
import json
from collections.abc import Callable
from pathlib import Path

from jaxprobe.tasks import gtzan, magnatagatune, mtg_jamendo, musdb18, nsynth, vocalset

Sound = Callable[[Path], None]


def blank(path: Path) -> None:
    """A file that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b'RIFF')


def text(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(lines) + '\n')


def gtzan_genre(folder: Path, sound: Sound = blank) -> None:
    for item in gtzan.split():
        sound(folder / 'gtzan_genre/genres' / item.split('.')[0] / f'{item}.wav')


# Artists whose sha1 puts them in training and in validation; tests/tasks/giantsteps_key_test.py.
GS_SONGS = (
    # ID, artists, key, confidence
    (5061, 'Philippe Van Mullem', 'D# minor', '2'),
    (5881, 'Brainbashers, Lance Madden', 'A major', '2'),
    (7217, 'Made By Monkeys, Salvatore, Focus', 'F minor', '2'),
    (7300, 'Dubfire', 'F minor / G# major', '2'),
    (7301, 'Dubfire', 'C major', '1'),
    (7400, 'Dubfire', 'G major', '2'),
    (7401, 'Cenoginerz, DJ Zany', 'E minor', '2'),
    (7402, 'DJ Zany, Pavo', 'F# minor', '2'),
)


def giantsteps_key(folder: Path, sound: Sound = blank) -> None:
    train = folder / 'giantsteps_key/giantsteps-mtg-key-dataset'
    test = folder / 'giantsteps_key/giantsteps-key-dataset'
    beatport = 'ID\tARTIST\tSONG TITLE\tMIX\tLABEL\tBP GENRE\tBP BPM\tBP KEY'
    rows = [f'{n}\t{who}\tTitle\tMix\tLabel\tTechno\t130\tA major' for n, who, *_ in GS_SONGS]
    text(train / 'annotations/beatport_metadata.txt', [beatport, *rows])
    rows = [f'{n}\t{key}\t{sure}' for n, _, key, sure in GS_SONGS]
    text(train / 'annotations/annotations.txt', ['ID\tMANUAL KEY\tC', *rows])
    for number, *_ in GS_SONGS:
        sound(train / 'audio' / f'{number}.LOFI.mp3')
    for number, name in ((10089, 'D major'), (10090, 'C minor')):
        path = test / 'annotations/key' / f'{number}.LOFI.key'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)  # The owner's files end without a line break.
        sound(test / 'audio' / f'{number}.LOFI.mp3')


def giantsteps_clips(folder: Path, sound: Sound = blank) -> None:
    """What MARBLE v1 makes of the songs: 30 s clips with a meta.json."""
    home = folder / 'GS/giantsteps_clips'
    meta = {}
    for uid, split, y in (
        ('0005061', 'train', 'Eb minor'), ('0005881', 'train', 'A major'),
        ('0007400', 'valid', 'G major'), ('0010089', 'test', 'D major'),
    ):  # fmt: skip
        for k in range(2):
            clip = {'audio_uid': uid, 'clip_idx': k, 'clip_offset': 30.0 * k, 'clip_duration': 30.0}
            meta[f'{uid}-{k}'] = {'split': split, 'y': y, 'extra': {}, 'clip': clip}
            sound(home / 'wav' / f'{uid}-{k}.wav')
    (home / 'meta.json').write_text(json.dumps(meta))


EMO_SONGS = (
    # number, artist, set, arousal, valence
    (2, 'The New Mystikal Troubadours', 'development', 3.1, 3.0),
    (3, 'Kevin MacLeod', 'development', 4.0, 6.0),
    (4, 'Podington Bear', 'development', 5.5, 5.2),
    (5, 'Broke For Free', 'development', 7.0, 4.1),
    (7, 'Jason Shaw', 'development', 2.5, 6.5),
    (10, 'Chris Zabriskie', 'development', 2.0, 3.3),
    (11, 'Kevin MacLeod', 'evaluation', 6.0, 5.0),
    (12, 'Lee Rosevere', 'evaluation', 3.0, 4.0),
)


def emomusic(folder: Path, sound: Sound = blank) -> None:
    home = folder / 'emomusic'
    columns = (
        'song_id,file_name,Artist,Song title,start of the segment (min.sec),'
        'end of the segment (min.sec),Genre,Mediaeval 2013 set'
    )
    info = [columns]
    static = ['song_id,mean_arousal,std_arousal,mean_valence,std_valence']
    for number, artist, part, arousal, valence in EMO_SONGS:
        info.append(f'{number},{number}.mp3,"\t{artist}\t",Title,0.48,1.33,Rock,{part}')
        static.append(f'{number},{arousal},0.9,{valence},0.7')
        sound(home / 'clips_45seconds' / f'{number}.mp3')
    text(home / 'annotations/songs_info.csv', info)
    text(home / 'annotations/static_annotations.csv', static)


MTT_CLIPS = (
    # clip_id, path, tags
    (2, 'f/american_bach_soloists-bach-01-aria-30-59.mp3', ('classical', 'violin')),
    (3, '0/artist_a-album-01-song-0-29.mp3', ('guitar', 'rock')),
    (4, '3/artist_b-album-02-song-0-29.mp3', ('choral',)),
    (5, 'b/artist_b-album-02-song-29-58.mp3', ()),
    (6, 'c/artist_c-album-01-song-0-29.mp3', ('guitar',)),
    (7, 'c/artist_c-album-01-song-29-58.mp3', ('weird', 'drone')),
    (8, 'd/artist_a-album-09-song-0-29.mp3', ('guitar',)),
    (35644, '6/norine_braun-now_and_zen-08-gently-117-146.mp3', ('guitar', 'fast')),
)


def mtt(folder: Path, sound: Sound = blank) -> None:
    home = folder / 'magnatagatune'
    names = ['drone', *sorted(magnatagatune.LABELS)]
    home.mkdir(parents=True, exist_ok=True)
    with open(home / 'annotations_final.csv', 'w', newline='') as file:
        writer = csv.writer(file, delimiter='\t', quoting=csv.QUOTE_ALL)
        writer.writerow(['clip_id', *names, 'mp3_path'])
        for clip, path, tags in MTT_CLIPS:
            writer.writerow([clip, *(int(name in tags) for name in names), path])
            sound(home / 'mp3' / path)


def nsynth_notes(folder: Path, sound: Sound = blank) -> None:
    names = {'train': ('guitar', 'synth_lead'), 'valid': ('flute', 'guitar'), 'test': ('vocal',)}
    for number, (split, families) in enumerate(names.items()):
        home = folder / 'nsynth' / f'nsynth-{split}'
        notes = {}
        for family in families:
            for pitch in (9, 60, 119):
                name = f'{family}_acoustic_{number:03d}-{pitch:03d}-100'
                notes[name] = {
                    'note_str': name,
                    'pitch': pitch,
                    'velocity': 100,
                    'instrument_str': name[:-8],
                    'instrument_family': nsynth.FAMILIES.index(family),
                    'instrument_family_str': family,
                    'sample_rate': 16000,
                }
                sound(home / 'audio' / f'{name}.wav')
        (home / 'examples.json').write_text(json.dumps(notes))


def vocalset_tree(folder: Path, sound: Sound = blank) -> None:
    """Every singer with two techniques in every part, and the odd files of the real tree."""
    home = folder / 'vocalset/FULL'
    for singer in vocalset.SINGERS:
        who = f'{"female" if singer[0] == "f" else "male"}{singer[1:]}'
        for technique, context in (
            ('belt', 'arpeggios'), ('lip_trill', 'scales'), ('straight', 'excerpts'),
            ('messa', 'long_tones'),
        ):  # fmt: skip
            for vowel in 'aeiou':
                name = f'{singer}_{context}_{technique}_{vowel}.wav'
                sound(home / who / context / technique / name)
    sound(home / 'male8/excerpts/straight/row_straight.wav')
    sound(home / 'male8/excerpts/vibrato/m9_caro_vibrato.wav')
    sound(home / 'male10/excerpts/vibrato/caro_vibrato.wav')
    sound(home / 'female2/arpeggios/vibrado/f2_arpeggios_vibrato_a.wav')
    blank(home / 'female1/arpeggios/belt/.DS_Store')
    blank(home / 'female1/arpeggios/belt/._f1_arpeggios_belt_a.wav')


def vocalset_chunks(folder: Path, sound: Sound = blank) -> None:
    """What MARBLE v1 makes of it: 3 s chunks and lists of them."""
    home = folder / 'VocalSet'
    for letter, techniques in (('s', ('belt', 'messa')), ('t', ('belt', 'lip_trill'))):
        for split, singers in (('train', ('f1', 'm1')), ('valid', ('f1', 'm9')), ('test', ('f2',))):
            lines = [
                f'{t}/{s}_scales_{t}_{split}_{k:02d}.wav'
                for t in techniques
                for s in singers
                for k in range(2)
            ]
            text(home / f'{split}_{letter}.txt', lines)
            for line in lines:
                sound(home / 'audio' / line)


def mtg(folder: Path, sound: Sound = blank, audio: str = 'audio-low/{}.low.mp3') -> None:
    """The four sets of splits 0 and 3, three or four tracks a part."""
    home = folder / 'mtg_jamendo'
    number = 1
    for name, known in mtg_jamendo.tags().items():
        file = mtg_jamendo._SETS[name].file
        for split in (0, 3):
            for part in ('train', 'validation', 'test'):
                rows = ['TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS']
                for tags in ((0,), (1, 2), (len(known) - 1,)):
                    number += 1
                    path = f'{number % 100:02d}/{number}'
                    own = '\t'.join(known[k] for k in tags)
                    rows.append(
                        f'track_{number:07d}\tartist_{number:06d}\talbum_000149\t{path}.mp3\t'
                        f'212.7\t{own}'
                    )
                    sound(home / audio.format(path))
                text(home / f'data/splits/split-{split}/autotagging_{file}-{part}.tsv', rows)


def gtzan_rhythm(folder: Path, sound: Sound = blank) -> None:
    """GTZAN with a JAMS file for every excerpt."""
    gtzan_genre(folder, sound)
    for number, item in enumerate(gtzan.split()):
        times = [round(0.2 + (0.4 + 0.01 * (number % 20)) * k, 3) for k in range(60)]
        annotations = [
            {
                'namespace': 'beat',
                'sandbox': {'annotation_type': kind},
                'data': [{'time': t, 'duration': 0.0} for t in own if t < 29.9],
            }
            for kind, own in (('beat', times), ('downbeat', times[::4]))
        ]
        text(
            folder / f'gtzan_rhythm/jams/{item}.wav.jams',
            [json.dumps({'annotations': annotations, 'file_metadata': {'duration': 30.02}})],
        )


HARMONIX_SONGS = (
    # File, artist, duration, last line
    ('0001_12step', 'Ciara', 39.0, '38.0 end'),
    ('0539_youandi', 'Lady Gaga', 46.004, '40.0 outro'),
    ('0900_rolling', 'Adele', 39.0, '38.0 end'),
    ('0901_skyfall', 'ADELE', 39.0, '38.0 end'),
    ('0902_hello', 'Adele feat. Nobody', 39.0, '38.0 end'),
    ('0903_sign', 'Ace of Base', 39.0, '38.0 end'),
)


def harmonix_set(folder: Path, sound: Sound = blank) -> None:
    home = folder / 'harmonix'
    rows = ['File,Title,Artist,Release,Duration,BPM']
    for name, artist, seconds, last in HARMONIX_SONGS:
        rows.append(f'{name},"A, B",{artist},R,{seconds},113')
        lines = ['0.0 intro', '8.495568 verse', '25.486704 chorus', '34.0 outro', last]
        text(home / f'dataset/segments/{name}.txt', lines)
        sound(home / f'audio/{name}.wav')
    text(home / 'dataset/metadata.csv', rows)


def mt_ratings(folder: Path, sound: Sound = blank) -> None:
    """All three tables, with the parts in a column and both classes in each."""
    for name, most in (('mpc', 2), ('rd', 2), ('sqc', 1)):
        rows = ['path,split,rating_1,rating_2']
        for k, split in enumerate(('train', 'valid', 'test') * 2):
            rows.append(f'audio/{name}{k}.wav,{split},{most * (k // 3)},{most * (k // 3)}')
            sound(folder / f'mt/audio/{name}{k}.wav')
        text(folder / f'mt/{name}.csv', rows)


def marble_v2(folder: Path, name: str, lines: dict[str, list[dict]], sound: Sound = blank) -> Path:
    """MARBLE v2's three lists; returns their folder. Audio is laid where the lines say."""
    home = folder / 'data' / name
    for part, own in lines.items():
        text(home / f'{name}.{part}.jsonl', [json.dumps(line) for line in own])
        for line in own:
            sound(folder / line['audio_path'])
    return home


def musdb_hq(folder: Path, sound: Sound = blank) -> None:
    """MUSDB18-HQ: two folders, validation tracks among those of training."""
    tracks = {
        'train': ('A Classic Education - NightOwl', 'Actions - One Minute Smile', 'ANiMAL - Easy'),
        'test': ('Al James - Schoolboy Facination', 'Buitraker - Revo X'),
    }
    for split, names in tracks.items():
        for name in names:
            for stem in (*musdb18.LABELS, musdb18.MIXTURE):
                sound(folder / 'musdb18' / split / name / f'{stem}.wav')


BEATPORT_KEYS = ('D minor', 'C# major', 'F minor')
BEATPORT_OUT = ('X', 'F major | D minor', 'C other', 'C# major ')  # Not counted, for four reasons.


def beatport(folder: Path, sound: Sound = blank) -> None:
    home = folder / 'beatport_key'
    for number in range(24):
        name = f'{100066 + number} Lindström - Monsteer (Original Mix)'
        out = number < len(BEATPORT_OUT)
        key = BEATPORT_OUT[number] if out else BEATPORT_KEYS[number % len(BEATPORT_KEYS)]
        (home / 'keys').mkdir(parents=True, exist_ok=True)
        (home / 'keys' / f'{name}.txt').write_text(key)
        text(home / 'meta' / f'{name}.json', [json.dumps({'artists': [{'name': f'A{number}'}]})])
        sound(home / 'audio' / f'{name}.mp3')


def tinysol_notes(folder: Path, sound: Sound = blank) -> None:
    home = folder / 'tinysol'
    rows = [
        (
            'Path,Fold,Family,Instrument (abbr.),Instrument (in full),Technique (abbr.),'
            'Technique (in full),Pitch,Pitch ID,Dynamics,Dynamics ID,Instance ID,'
            'String ID (if applicable),Needed digital retuning'
        )
    ]
    for family, instrument, short in (('Strings', 'Contrabass', 'Cb'), ('Winds', 'Flute', 'Fl')):
        for number in range(10):
            pitch = ('A2', 'C#4')[number % 2]
            path = f'{family}/{instrument}/ordinario/{short}-ord-{pitch}-mf-{number}-N.wav'
            rows.append(
                f'{path},{number // 2},{family},{short},{instrument},ord,ordinario,{pitch},45,mf,2,'
                f'0,{"2.0" if short == "Cb" else ""},FALSE'
            )
            sound(home / 'audio' / path)
    text(home / 'annotation/TinySOL_metadata.csv', rows)


LAY = {
    'gtzan_genre': gtzan_genre,
    'gtzan_rhythm': gtzan_rhythm,
    'giantsteps_key': giantsteps_key,
    'harmonix_structure': harmonix_set,
    **dict.fromkeys(('mt_mpc', 'mt_rd', 'mt_sqc'), mt_ratings),
    'emomusic': emomusic,
    'magnatagatune': mtt,
    'nsynth_pitch': nsynth_notes,
    'nsynth_instrument': nsynth_notes,
    'vocalset_singer': vocalset_tree,
    'vocalset_technique': vocalset_tree,
    **dict.fromkeys(mtg_jamendo._SETS, mtg),
    'musdb18': musdb_hq,
    'beatport_key': beatport,
    **dict.fromkeys(('tinysol_instrument', 'tinysol_pitch_class'), tinysol_notes),
}
