// Writes openapi.json and the types of the client from the contracts of the code; with --release also the document that
// later ones have to be compatible with.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { DOCUMENT, documentText, RELEASED, TYPES, typesText } from './openapi/document.js'

const { values } = parseArgs({ options: { release: { type: 'boolean', default: false } } })
const document = documentText()
writeFileSync(DOCUMENT, document)
writeFileSync(TYPES, await typesText(document))
if (values.release) writeFileSync(RELEASED, document)
