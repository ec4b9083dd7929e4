import '@mantine/core/styles.css'
import './page.css'
import { MantineProvider } from '@mantine/core'
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { BrowserRouter } from 'react-router'
import { isProblem } from './api'
import { App } from './app'
import { SESSION } from './session'
import { theme, variables } from './theme'

/** A session that has ended, or whose key was revoked: whoever it was has to sign in anew. */
function onError(error: unknown) {
  if (!isProblem(error) || error.status !== 401) return
  // Whoever signs in next may be allowed less.
  queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION[0] })
  queries.setQueryData(SESSION, null)
}

const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: {
      // What the service refuses will be refused again; what it could not do may work a moment later.
      retry: (failures, error) => failures < 2 && !(isProblem(error) && error.status < 500 && error.status !== 429),
      staleTime: 2000,
    },
  },
})

// Styles that are made in the page need it by the page's policy.
const nonce = document.querySelector<HTMLMetaElement>('meta[name="style-nonce"]')?.content ?? ''
// So asks what keeps the page from scrolling below a dialog (get-nonce).
Object.assign(globalThis, { __webpack_nonce__: nonce })

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={variables}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      <QueryClientProvider client={queries}>
        <BrowserRouter basename="/console">
          <App />
        </BrowserRouter>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
