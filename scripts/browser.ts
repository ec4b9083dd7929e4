import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Where a Chromium is installed: none comes with the packages. CHROMIUM says another place. */
export const chromiumPath = (): string | undefined =>
  [process.env.CHROMIUM ?? '', ...PLACES].find((path) => path !== '' && existsSync(path))

/** @throws Error where no Chromium is installed */
export function launchBrowser(): Promise<Browser> {
  const executablePath = chromiumPath()
  if (!executablePath)
    throw new Error('no Chromium is installed (Debian: apt-get install chromium); CHROMIUM can say where')
  // Within a container there is neither a sandbox of its own nor much shared memory; it opens the service's pages alone.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}
