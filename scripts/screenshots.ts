// Pictures of each page of the console for the documents, of made-up shops, on a service and a database of its own.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packagePath } from '../src/platform/paths.js'
import { launchBrowser } from './browser.js'
import { heading, say } from './quickstart/show.js'
import { servePictures } from './screenshots/pictures.js'
import { makeShops, OUTDOOR, startRun, versionOf } from './screenshots/shops.js'
import { startStage } from './screenshots/stage.js'
import { Tour } from './screenshots/tour.js'

const folder = packagePath('docs', 'images')
await mkdir(folder, { recursive: true })
const dataDir = await mkdtemp(join(tmpdir(), 'attune-screenshots-'))
const browser = await launchBrowser()
const pictures = await servePictures()
heading('Starting Attune')
const stage = await startStage(dataDir)
const coming = new AbortController()
try {
  say(`  ${stage.url}, with made-up shops`)
  const visitsCome = await makeShops(stage, pictures.url)
  await stage.addLetters()
  const visits = visitsCome(coming.signal)
  const tour = await Tour.begin(browser, stage, folder)
  await tour.signedOut()

  heading('Training two versions')
  const first = await versionOf(stage, OUTDOOR, await startRun(stage, OUTDOOR, 'the first one'))
  await stage.call('POST', `/v1/tenants/${OUTDOOR}/model-versions/${first}/promote`)
  const run = await startRun(stage, OUTDOOR, 'with the views of this week')
  await tour.watched(run)
  const second = await versionOf(stage, OUTDOOR, run)

  heading('Going round')
  await tour.all({ first, second, user: 'u-1007' })
  coming.abort()
  await visits
  say(`  in ${folder}`)
} finally {
  coming.abort()
  await browser.close()
  await stage.stop()
  pictures.stop()
  await rm(dataDir, { recursive: true, force: true })
}
