import { parseArgs } from 'node:util'
import { ENGINES } from './parts.mjs'

const names = Object.keys(ENGINES)
const USAGE = `usage: npm run engine -- [native [--wheel] | cuda | webgpu | remove ${names.join('|')}]`

/**
 * What the command line asks for.
 * @param {string[]} args
 * @returns {{ do: 'list' } | { do: 'remove', name: string } | { do: 'provide', name: string, wheel: boolean }}
 * @throws Error with the usage where it asks for nothing that there is
 */
export function readCommand(args) {
  const { wheel, words } = parse(args)
  const [first, second] = words
  if (words.length === 0 && !wheel) return { do: 'list' }
  if (words.length === 1 && names.includes(first) && (!wheel || first === 'native'))
    return { do: 'provide', name: first, wheel }
  if (words.length === 2 && first === 'remove' && names.includes(second) && !wheel)
    return { do: 'remove', name: second }
  throw new Error(USAGE)
}

function parse(args) {
  try {
    const { values, positionals } = parseArgs({ args, options: { wheel: { type: 'boolean' } }, allowPositionals: true })
    return { wheel: values.wheel === true, words: positionals }
  } catch (cause) {
    throw new Error(USAGE, { cause })
  }
}
