import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { pause } from '../quickstart/service.js'
import { say } from '../quickstart/show.js'
import { OUTDOOR } from './shops.js'
import type { Stage } from './stage.js'

const DESK = { width: 1280, height: 860 }
const PHONE = { width: 360, height: 740 }
type Look = Partial<typeof DESK> & { colorScheme?: 'light' | 'dark' }

/** Goes from page to page, and takes a picture of each. */
export class Tour {
  private constructor(
    private readonly page: Page,
    private readonly stage: Stage,
    private readonly folder: string,
  ) {}

  static async begin(browser: Browser, stage: Stage, folder: string): Promise<Tour> {
    const context = await browser.newContext({ viewport: DESK, reducedMotion: 'reduce', locale: 'en-GB' })
    return new Tour(await context.newPage(), stage, folder)
  }

  /** The page that asks for a key; from here on somebody is signed in. */
  async signedOut() {
    await this.page.goto(`${this.stage.url}/console`)
    const key = this.page.locator('input[name=key]')
    await key.waitFor()
    await this.take('sign-in')
    await key.fill(this.stage.operatorKey)
    await key.press('Enter')
    await this.page.getByRole('button', { name: 'Sign out' }).waitFor()
  }

  /** A run while it trains. */
  async watched(run: string) {
    await this.go(`training/${run}`)
    const log = this.page.getByRole('region', { name: 'Log of the run' })
    await log.getByText('epoch 4: loss').first().waitFor({ timeout: 600_000 })
    await this.take('training')
  }

  async all({ first, second, user }: { first: string; second: string; user: string }) {
    await this.go('', 'tenants')
    await this.take('tenants')
    await this.take('tenants-phone', { ...PHONE })
    await this.take('tenants-dark', { colorScheme: 'dark' })
    await this.go('')
    await this.page.getByText('1 h', { exact: true }).click()
    await this.take('tenant')
    await this.go('training')
    await this.take('runs')
    await this.go('versions')
    await this.take('versions')
    await this.go(`versions/${first}`)
    await this.take('version', { height: 1500 })
    await this.go(`compare?a=${first}&b=${second}`)
    await this.take('compare', { height: 1500 })
    await this.go(`look?user=${user}&a=base&b=${first}`)
    await this.page.locator('ol').nth(1).waitFor({ timeout: 60_000 })
    await this.page.getByRole('combobox', { name: 'Only of these categories' }).fill('Sleeping')
    await this.page.keyboard.press('Enter')
    await this.page.keyboard.press('Escape')
    await this.page.getByRole('button', { name: 'Add a boost' }).press('Enter')
    await this.page.getByRole('combobox', { name: 'Category of boost 1' }).fill('Kitchen')
    await this.page.getByText('The rules took away').first().waitFor()
    await this.take('look-inside', { height: 1500 })
    await this.take('look-inside-phone', { ...PHONE })
    await this.go('settings')
    await this.take('settings')
    await this.go('keys')
    await this.take('keys')
    await this.go('dead-letters', 'dead-letters')
    await this.take('dead-letters')
  }

  private async go(path: string, page?: string) {
    const place = page === undefined ? `tenants/${OUTDOOR}/${path}` : page === 'tenants' ? '' : path
    await this.page.goto(`${this.stage.url}/console/${place}`)
    await this.page.getByRole('heading', { level: 1 }).waitFor()
  }

  private async take(name: string, { colorScheme = 'light', ...size }: Look = {}) {
    await this.page.setViewportSize({ ...DESK, ...size })
    await this.page.emulateMedia({ colorScheme })
    await this.page.locator(`html[data-mantine-color-scheme=${colorScheme}]`).waitFor()
    while ((await this.page.getByText(/^Loading/).count()) > 0) await pause(200)
    // Pictures of items come last; a chart is drawn anew for another width.
    await this.page.waitForLoadState('networkidle', { timeout: 4000 }).catch(() => undefined)
    await pause(700)
    await this.page.screenshot({ path: join(this.folder, `console-${name}.png`) })
    say(`  console-${name}.png`)
  }
}
