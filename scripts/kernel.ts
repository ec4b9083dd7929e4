// Assembles src/model/products.wat into a file that can be imported.
import { writeFileSync } from 'node:fs'
import { ASSEMBLED, assembledText } from './kernel/assemble.js'

writeFileSync(ASSEMBLED, await assembledText())
