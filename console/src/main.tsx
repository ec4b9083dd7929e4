import '@mantine/core/styles.css'
import { createTheme, MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { BrowserRouter } from 'react-router'
import { App } from './app'
import { isProblem } from './api'

const theme = createTheme({
  primaryColor: 'cyan',
  // Light enough on dark, dark enough on light: contrast of 4.5 for text.
  primaryShade: { light: 9, dark: 8 },
  defaultRadius: 'md',
  fontFamily: 'system-ui, sans-serif',
  cursorType: 'pointer',
})

const queries = new QueryClient({
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

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <QueryClientProvider client={queries}>
        <BrowserRouter basename="/console">
          <App />
        </BrowserRouter>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
