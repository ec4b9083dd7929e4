import { readFileSync } from 'node:fs'
import wabt from 'wabt'
import { packagePath } from '../../src/platform/paths.js'

const SOURCE = packagePath('src', 'model', 'products.wat')
export const ASSEMBLED = packagePath('src', 'model', 'products.wasm.ts')

/** The text of the file that holds the code. */
export async function assembledText(): Promise<string> {
  const assembler = await wabt()
  const module = assembler.parseWat(SOURCE, readFileSync(SOURCE, 'utf8'), { simd: true })
  const code = Buffer.from(module.toBinary({}).buffer).toString('base64')
  module.destroy()
  return `// Made of products.wat by \`npm run kernel\`: not to be edited.\nexport const CODE =\n  '${code}'\n`
}
