import 'reflect-metadata'
import { readFileSync } from 'node:fs'
import openapiTS, { astToString, type OpenAPI3 } from 'openapi-typescript'
// Every contract is declared as its controller is loaded.
import '../../src/app.module.js'
import { openApiDocument } from '../../src/platform/openapi.js'
import { packagePath } from '../../src/platform/paths.js'

const { version } = JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string }

/** What the service publishes, as it is checked in. */
export const DOCUMENT = packagePath('openapi.json')
/** The document of the last release: what clients out there were made for. */
export const RELEASED = packagePath('openapi.released.json')
/** The types of the client, generated from the document. */
export const TYPES = packagePath('src', 'client', 'contract.ts')

export const documentText = () => `${JSON.stringify(openApiDocument(version), null, 2)}\n`

/** The document as TypeScript. What has a default may be left out of a request. */
export async function typesText(document: string): Promise<string> {
  const types = await openapiTS(JSON.parse(document) as OpenAPI3, { defaultNonNullable: false })
  return `/** Generated from openapi.json by \`npm run openapi\`: not changed by hand. */\n\n${astToString(types)}`
}
