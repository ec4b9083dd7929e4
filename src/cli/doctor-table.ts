import type { Diagnosis } from './doctor.js'

const MARKS = { yes: 'ok', no: 'NO', none: '-' }

/** A diagnosis for people: at most `width` characters a line. */
export function doctorTable(diagnosis: Diagnosis, width = 80): string {
  const { checks, engines, backend, engine, fallback, ok } = diagnosis
  const lines = checks.map(({ name, ok: fine, detail }) =>
    row(fine === null ? MARKS.none : fine ? MARKS.yes : MARKS.no, name, detail, width),
  )
  const found = engines.map((check) => {
    const rate = check.gflops === undefined ? 'works' : `${check.gflops} GFLOP/s`
    const taken = check.engine === engine ? `  <- BACKEND=${backend} takes this one` : ''
    // An engine that nobody asked for may well be missing.
    const missing = check.engine === backend ? MARKS.no : MARKS.none
    return row(
      check.works ? MARKS.yes : missing,
      check.engine,
      check.works ? `${rate}${taken}` : (check.reason ?? 'does not work'),
      width,
    )
  })
  return [
    ...lines,
    '',
    'Engines, with their rate in a self-test of a second:',
    ...found,
    ...(fallback ? ['', ...wrapped(`Slower than it should be: ${fallback}`, width)] : []),
    '',
    ok ? 'The service can run here.' : 'The service cannot run here: see what is marked NO.',
    ...(engine ? [] : [`No engine works for BACKEND=${backend}.`]),
  ].join('\n')
}

function row(mark: string, name: string, detail: string, width: number): string {
  const head = `${mark.padEnd(3)} ${name.padEnd(12)} `
  const rest = wrapped(detail, width - head.length)
  return rest.map((line, i) => (i === 0 ? head : ' '.repeat(head.length)) + line).join('\n')
}

/** Broken at spaces, and inside a word only where that is longer than a line. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const paragraph of text.split('\n')) {
    let line = ''
    for (const word of paragraph.trim().split(/\s+/)) {
      for (let rest = word; rest !== '' || line === ''; rest = rest.slice(width)) {
        const part = rest.slice(0, width)
        if (line !== '' && line.length + 1 + part.length > width) {
          lines.push(line)
          line = ''
        }
        line = line === '' ? part : `${line} ${part}`
        if (rest === '') break
      }
    }
    lines.push(line)
  }
  return lines
}
