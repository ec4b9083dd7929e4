// Where the parts come from: npm and pip with the configuration that the user gave them (mirrors, proxies, certificates).
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { accept, download, WrongSum } from './download.mjs'

const PROBE = 3000

/** A package of npm's, as a file; npm keeps what it fetched in its own cache. */
export async function fetchPackage(part, file) {
  if (existsSync(file)) return
  const folder = `${file}.npm`
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  call(
    npm,
    ['pack', `${part.name}@${part.version}`, '--silent', '--ignore-scripts', '--pack-destination', folder],
    dirname(file),
  )
  await accept(join(folder, readdirSync(folder)[0]), file, part.sha256)
  rmSync(folder, { recursive: true })
}

/** A wheel: by its address in the index that is set, so that it can be continued; where that does not work, by pip itself. */
export async function fetchWheel(part, file, onBytes) {
  if (existsSync(file)) return
  const index = setIndex()
  if (!index && hasPip()) return fetchByPip(part, file)
  try {
    if (!index) throw new Error('PIP_INDEX_URL is not set')
    const { url, headers } = await addressOf(part, index)
    await download({ url, file, headers, sha256: part.sha256, onBytes })
  } catch (error) {
    if (error instanceof WrongSum) throw error
    const why = error.cause?.message ?? error.message
    if (!hasPip())
      throw new Error(`${part.file} cannot be fetched (${why}), and there is no pip to try it with.`, { cause: error })
    console.error(`  fetching it directly does not work (${why}); pip fetches it now`)
    await fetchByPip(part, file)
  }
}

/** Its address in an index, and what to send to be let in. */
async function addressOf({ name, file }, base) {
  const index = new URL(`${base.replace(/\/$/, '')}/${name}/`)
  const headers = {}
  if (index.username) {
    const pair = `${decodeURIComponent(index.username)}:${decodeURIComponent(index.password)}`
    headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`
    index.username = index.password = ''
  }
  const response = await fetch(index, {
    headers: { ...headers, accept: 'application/vnd.pypi.simple.v1+html, text/html;q=0.5' },
    signal: AbortSignal.timeout(30_000),
  })
  if (!response.ok) throw new Error(`${index.host} answered ${response.status} for ${name}`)
  const link = addressIn(await response.text(), file, response.url)
  if (!link) throw new Error(`${index.host} does not have ${file}`)
  // The name and the password are for the index only.
  return { url: link, headers: new URL(link).origin === index.origin ? headers : {} }
}

/** The address of a file in an index's page of links, without the sum that stands behind it. */
export function addressIn(page, file, base) {
  for (const [, text] of page.matchAll(/<a\s[^>]*href=["']([^"']+)["']/gi)) {
    const url = new URL(text.replaceAll('&amp;', '&'), base)
    if (decodeURIComponent(url.pathname.split('/').at(-1)) === file) return url.href.split('#')[0]
  }
  return null
}

/** The index that the environment or pip's files name; null: pip's own. */
function setIndex() {
  if (process.env.PIP_INDEX_URL) return process.env.PIP_INDEX_URL
  const { stdout } = pip(['config', 'list'])
  // Its environment wins over its files, what is set for downloads over what is set for all.
  for (const key of [
    ':env:.index-url',
    'download.index-url',
    'install.index-url',
    'global.index-url',
    'site.index-url',
  ]) {
    const line = (stdout ?? '').split('\n').find((text) => text.startsWith(`${key}=`))
    if (line) return line.slice(key.length + 1).replace(/^'|'$/g, '')
  }
  return null
}

async function fetchByPip(part, file) {
  const folder = `${file}.pip`
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const platform = ['--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311', '--abi', 'none']
  const tags = ['manylinux_2_17_x86_64', 'manylinux2014_x86_64'].flatMap((tag) => ['--platform', tag])
  const { status } = pip(
    [
      'download',
      '--no-deps',
      '--only-binary=:all:',
      ...platform,
      ...tags,
      '--dest',
      folder,
      `${part.name}==${part.version}`,
    ],
    'inherit',
  )
  if (status !== 0) throw new Error(`pip could not fetch ${part.name} ${part.version}; what it said stands above.`)
  const found = readdirSync(folder)[0]
  await accept(join(folder, found), file, part.sha256)
  rmSync(folder, { recursive: true })
}

export const hasPip = () => pip(['--version']).status === 0

function pip(args, stdio = 'pipe') {
  const output = stdio === 'inherit' ? ['ignore', 2, 2] : 'pipe'
  return spawnSync('python3', ['-m', 'pip', ...args], { stdio: output, encoding: 'utf8' })
}

/** How large a download is that can be reached now, in bytes; null where it cannot. */
export async function reach(url) {
  try {
    const response = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(PROBE) })
    return response.ok ? Number(response.headers.get('content-length')) : null
  } catch {
    return null
  }
}

/** @throws Error with the program's last words */
export function call(command, args, cwd) {
  const { status, error, stderr, stdout } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (error) throw new Error(`${command} could not be started: ${error.message}`)
  if (status !== 0)
    throw new Error(
      `${command} ${args[0]} failed (${status}): ${(stderr || stdout).trim().split('\n').slice(-15).join('\n')}`,
    )
  return stdout
}
