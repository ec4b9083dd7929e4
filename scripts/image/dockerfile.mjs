/** What `scripts/image/check.mjs` can carry out, or may pass over since it is about the image and not its files. */
const KNOWN = ['ARG', 'COPY', 'RUN', 'WORKDIR', 'ENV', 'USER', 'ENTRYPOINT', 'CMD', 'HEALTHCHECK', 'EXPOSE', 'LABEL']

/**
 * Reads a Dockerfile.
 * @param {string} text
 * @returns {{ name: string, from: string, steps: { word: string, flags: Record<string, string>, rest: string }[] }[]} its stages
 * @throws Error where it has an instruction that is not known, or one that is cut in two lines
 */
export function readDockerfile(text) {
  const args = {}
  const stages = []
  for (const [number, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [, word, flagged] = /^([A-Z]+) (.*)$/.exec(line) ?? []
    const problem = `line ${number + 1} of the Dockerfile`
    if (word === undefined || flagged.endsWith('\\')) throw new Error(`${problem} is no instruction in one line`)
    if (word === 'FROM') {
      const [, from, name] = /^(\S+) AS (\S+)$/.exec(flagged) ?? []
      if (name === undefined) throw new Error(`${problem}: a stage without a name`)
      stages.push({ name, from: filled(from, args), steps: [] })
      continue
    }
    if (!KNOWN.includes(word)) throw new Error(`${problem}: ${word} is not known here`)
    const { flags, rest } = flagsOf(flagged)
    if (word === 'ARG') {
      const [name, value = ''] = rest.split('=')
      args[name] = value
    }
    if (stages.length > 0) stages.at(-1).steps.push({ word, flags, rest })
    else if (word !== 'ARG') throw new Error(`${problem}: ${word} before any stage`)
  }
  return stages
}

/** The stages that one is made of, in the order in which they have to be made. */
export function neededFor(name, stages) {
  const stage = stages.find((candidate) => candidate.name === name)
  if (!stage) return []
  const before = [stage.from, ...stage.steps.flatMap(({ flags }) => (flags.from ? [flags.from] : []))]
  return [...new Set([...before.flatMap((other) => neededFor(other, stages)), stage])]
}

/** NAME=value NAME="some value" */
export function pairsOf(rest) {
  return Object.fromEntries(
    [...rest.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S*))/g)].map(([, name, quoted, plain]) => [name, quoted ?? plain]),
  )
}

function flagsOf(text) {
  const flags = {}
  let rest = text
  for (let found; (found = /^--([\w-]+)=(\S+) +/.exec(rest)); rest = rest.slice(found[0].length))
    flags[found[1]] = found[2]
  return { flags, rest }
}

const filled = (text, args) => text.replace(/\$\{(\w+)\}/g, (_, name) => args[name] ?? '')
