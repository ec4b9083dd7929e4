import { createTheme, type CSSVariablesResolver } from '@mantine/core'

export const theme = createTheme({
  primaryColor: 'cyan',
  // Dark enough for white text on it, in both schemes: contrast of 4.5.
  primaryShade: 9,
  defaultRadius: 'sm',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  cursorType: 'pointer',
  respectReducedMotion: true,
  headings: {
    fontWeight: '650',
    sizes: {
      h1: { fontSize: '1.375rem', lineHeight: '1.3' },
      h2: { fontSize: '0.9375rem', lineHeight: '1.4' },
      h3: { fontSize: '0.875rem', lineHeight: '1.4' },
    },
  },
  components: {
    // The page's own text is of size sm; what a reader types or picks is no larger.
    Button: { defaultProps: { size: 'xs' } },
    TextInput: { defaultProps: { size: 'sm' } },
    // Its edge has the colour; words in it would be too pale for some.
    Alert: { defaultProps: { variant: 'outline' }, styles: { title: { color: 'var(--mantine-color-text)' } } },
    Modal: { defaultProps: { centered: true, closeButtonProps: { 'aria-label': 'Close' } } },
    Anchor: { defaultProps: { underline: 'hover', size: 'sm' } },
    Text: { defaultProps: { size: 'sm' } },
  },
})

/** Mantine's own dimmed text and placeholders are too pale to be read by everybody (WCAG 1.4.3). */
export const variables: CSSVariablesResolver = (made) => ({
  variables: {},
  light: {
    '--page': made.colors.gray[0],
    '--line': made.colors.gray[3],
    '--mantine-color-dimmed': made.colors.gray[7],
    '--mantine-color-placeholder': made.colors.gray[7],
    '--mantine-color-error': made.colors.red[9],
    '--mantine-color-anchor': made.colors.cyan[9],
    '--good': '#2b7a3d',
    '--bad': made.colors.red[9],
    '--warn': '#a34100',
    '--note': '#1864ab',
  },
  dark: {
    '--page': made.colors.dark[8],
    '--line': made.colors.dark[4],
    '--mantine-color-dimmed': made.colors.dark[1],
    '--mantine-color-placeholder': made.colors.dark[2],
    '--mantine-color-error': made.colors.red[4],
    '--mantine-color-anchor': made.colors.cyan[4],
    '--good': made.colors.green[5],
    '--bad': made.colors.red[5],
    '--warn': made.colors.orange[4],
    '--note': made.colors.blue[4],
  },
})
