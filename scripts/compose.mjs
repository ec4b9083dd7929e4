// Builds compose-spec, the reader of compose files that Docker's own client uses, from its Go module into .cache/bin, where
// the test of compose.yaml looks for it in the absence of `docker compose`. Needs Go and a module proxy (GOPROXY); takes a
// minute, once.
//
//   node scripts/compose.mjs

import { makeGoTool } from './go-tool.mjs'

makeGoTool('compose-spec', 'github.com/compose-spec/compose-go/v2/cmd', 'v2.16.2')
