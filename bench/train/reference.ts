import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packagePath } from '../../src/platform/paths.js'

const execute = promisify(execFile)
const REQUIREMENTS = packagePath('bench', 'reference', 'requirements.txt')
// pip prints a line for each file it meets.
const OUTPUT = 64 * 2 ** 20

/**
 * A folder with a Python environment for the reference. The caller removes it.
 * @throws Error with the reason where Python, pip or the package index can't be had
 */
export async function makePython(): Promise<{ python: string; remove: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), 'attune-reference-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  const python = join(folder, 'bin', 'python')
  const install = (...args: string[]) =>
    execute(python, ['-m', 'pip', 'install', '--no-cache-dir', '--disable-pip-version-check', ...args], {
      maxBuffer: OUTPUT,
    })
  try {
    await execute('python3', ['-m', 'venv', folder])
    console.log('installing PyTorch into a throw-away environment: this takes minutes and up to 6 GB under', tmpdir())
    // A tenth of the size, where the configured index has it.
    const small = await install('--constraint', REQUIREMENTS, 'torch==2.5.1+cpu').then(
      () => true,
      () => false,
    )
    if (!small) await install('--requirement', REQUIREMENTS)
  } catch (error) {
    remove()
    throw new Error(lastLine(error), { cause: error })
  }
  return { python, remove }
}

function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string }
  return (stderr ?? '').trim().split('\n').at(-1) || message
}
