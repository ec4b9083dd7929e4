import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import { describe } from 'vitest'
import { chromiumPath, launchBrowser } from '../../scripts/browser.js'

export const hasBrowser = chromiumPath() !== undefined
if (!hasBrowser) console.error('\n!!! SKIPPED: the console in a browser (no Chromium is installed)\n')
export const describeInBrowser = describe.skipIf(!hasBrowser)

/** What an attacker would put wherever text goes. Shown as text, nothing of it runs. */
export const HOSTILE = '<script>window.hacked=1</script><img src=x onerror="window.hacked=1">'

export interface Visit {
  page: Page
  /** What the browser complained of: broken scripts, what the policy refused. */
  complaints: string[]
  close: () => Promise<void>
}

export async function openBrowser(): Promise<{ browser: Browser; visit: (options?: VisitOptions) => Promise<Visit> }> {
  const browser = await launchBrowser()
  return {
    browser,
    visit: async (options) => {
      const context: BrowserContext = await browser.newContext({ reducedMotion: 'reduce', ...options })
      const page = await context.newPage()
      page.setDefaultTimeout(20_000)
      const complaints: string[] = []
      page.on('pageerror', (error) => complaints.push(String(error)))
      page.on('console', (message) => {
        // Who is not signed in is told so by a status that the browser calls an error.
        if (message.type() === 'error' && !message.text().includes('401')) complaints.push(message.text())
      })
      page.on('dialog', (dialog) => {
        complaints.push(`a dialog: ${dialog.message()}`)
        void dialog.dismiss()
      })
      return { page, complaints, close: () => context.close() }
    },
  }
}
type VisitOptions = Parameters<Browser['newContext']>[0]

/** By the key alone, as who has no pointer does. */
export async function signIn(page: Page, url: string, key: string) {
  await page.goto(`${url}/console`)
  await reach(page, page.locator('input[name=key]'))
  await page.keyboard.type(key)
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
}

const MOST_STEPS = 150

/** Goes to an element by the tabulator key. @throws Error where it can't be reached so */
export async function reach(page: Page, target: Locator) {
  await target.waitFor()
  const focused = target.and(page.locator(':focus'))
  for (let step = 0; step < MOST_STEPS; step++) {
    if ((await focused.count()) === 1) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`not to be reached by keyboard: ${target.toString()}`)
}

/** Presses a link, a button or a box, by keyboard. */
export async function press(page: Page, target: Locator, key: 'Enter' | 'Space' = 'Enter') {
  await reach(page, target)
  await page.keyboard.press(key)
}

/** Writes into a field, by keyboard. */
export async function write(page: Page, target: Locator, text: string) {
  await reach(page, target)
  await page.keyboard.type(text)
}
