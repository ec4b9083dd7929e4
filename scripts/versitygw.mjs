// Builds versitygw, an S3 server on a folder, from its Go module into .cache/bin, where tests of model files in object
// storage look for it. Needs Go and a module proxy (GOPROXY); takes some minutes, once.
//
//   node scripts/versitygw.mjs

import { makeGoTool } from './go-tool.mjs'

makeGoTool('versitygw', 'github.com/versity/versitygw/cmd/versitygw', 'v1.8.0')
