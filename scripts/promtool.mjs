// Builds promtool, Prometheus' own parser of rules, from its Go module into .cache/bin, where tests of deploy/monitoring look
// for it. Needs Go and a module proxy (GOPROXY); takes some minutes, once.
//
//   node scripts/promtool.mjs

import { makeGoTool } from './go-tool.mjs'

// Prometheus 3.5, a release with long support.
makeGoTool('promtool', 'github.com/prometheus/prometheus/cmd/promtool', 'v0.305.0')
