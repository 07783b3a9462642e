"""Names that mean something in every file of a language without an import."""

from __future__ import annotations

import builtins
import re

# Of the language, of its types, of browsers and of Node.
_SCRIPT = (
    "AbortController AbortSignal AggregateError Array ArrayBuffer ArrayLike AsyncDisposable AsyncDisposableStack "
    "AsyncGenerator AsyncIterable AsyncIterableIterator AsyncIterator Atomics Audio AudioContext Awaited BigInt "
    "BigInt64Array BigUint64Array Blob Boolean BroadcastChannel Buffer BufferSource ByteLengthQueuingStrategy Cache "
    "CacheStorage CanvasRenderingContext2D Capitalize ClassDecorator ClipboardItem CloseEvent Comment "
    "CompressionStream ConstructorParameters CountQueuingStrategy Crypto CryptoKey CustomEvent DOMException DOMParser "
    "DOMRect DataView Date DecompressionStream Disposable DisposableStack Document DocumentFragment DragEvent Element "
    "Error ErrorEvent EvalError Event EventListener EventSource EventTarget Exclude Extract File FileList FileReader "
    "FinalizationRegistry Float32Array Float64Array FocusEvent FontFace FormData Function Generator Headers History "
    "Image ImageData Infinity InputEvent InstanceType Int16Array Int32Array Int8Array IntersectionObserver Intl "
    "Iterable IterableIterator Iterator JSON JSX KeyboardEvent Location Lowercase Map Math MediaQueryList MediaStream "
    "MessageChannel MessageEvent MessagePort MethodDecorator MouseEvent MutationObserver NaN NamedNodeMap Navigator "
    "NoInfer Node NodeJS NodeList NodeRequire NonNullable Notification Number Object Omit OmitThisParameter Option "
    "Parameters Partial Path2D Performance PerformanceEntry PerformanceObserver Pick PointerEvent PopStateEvent "
    "ProgressEvent Promise PromiseLike PropertyDescriptor PropertyKey Proxy Range RangeError React ReadableStream "
    "Readonly ReadonlyArray ReadonlyMap ReadonlySet Record ReferenceError Reflect RegExp RegExpExecArray "
    "RegExpMatchArray Request RequestInfo RequestInit Required ResizeObserver Response ResponseInit ReturnType Screen "
    "Selection ServiceWorker Set ShadowRoot SharedArrayBuffer SharedWorker Storage StorageEvent String StyleSheet "
    "SubmitEvent SubtleCrypto SuppressedError Symbol SyntaxError TemplateStringsArray Text TextDecoder "
    "TextDecoderStream TextEncoder TextEncoderStream Thenable ThisParameterType ThisType TouchEvent TransformStream "
    "TreeWalker TypeError UIEvent URIError URL URLSearchParams Uint16Array Uint32Array Uint8Array Uint8ClampedArray "
    "Uncapitalize Uppercase WeakKey WeakMap WeakRef WeakSet WebAssembly WebSocket WheelEvent Window Worker "
    "WritableStream XMLHttpRequest XMLSerializer XPathResult __dirname __filename alert arguments atob btoa caches "
    "cancelAnimationFrame cancelIdleCallback clearImmediate clearInterval clearTimeout confirm console crypto "
    "customElements decodeURI decodeURIComponent document encodeURI encodeURIComponent escape eval event exports "
    "fetch frames gc getComputedStyle getSelection global globalThis history indexedDB innerHeight innerWidth "
    "isFinite isNaN isSecureContext length localStorage location matchMedia module name navigation navigator onerror "
    "open opener origin parent parseFloat parseInt performance postMessage print process prompt queueMicrotask "
    "requestAnimationFrame requestIdleCallback require screen scroll scrollTo self sessionStorage setImmediate "
    "setInterval setTimeout status stop structuredClone top undefined unescape window"
)
_SCRIPT_BEGINNINGS = re.compile(r"(?:HTML|SVG|CSS|WebGL|GPU|RTC|IDB|DOM|Media|Audio|Web)[A-Z0-9]\w*$")
# What is in `java.lang`.
_JAVA = (
    "AbstractMethodError Appendable ArithmeticException ArrayIndexOutOfBoundsException ArrayStoreException "
    "AssertionError AutoCloseable Boolean BootstrapMethodError Byte CharSequence Character Class ClassCastException "
    "ClassCircularityError ClassFormatError ClassLoader ClassNotFoundException ClassValue CloneNotSupportedException "
    "Cloneable Comparable Compiler Deprecated Double Enum EnumConstantNotPresentException Error Exception "
    "ExceptionInInitializerError Float FunctionalInterface IllegalAccessError IllegalAccessException "
    "IllegalArgumentException IllegalCallerException IllegalMonitorStateException IllegalStateException "
    "IllegalThreadStateException IncompatibleClassChangeError IndexOutOfBoundsException InheritableThreadLocal "
    "InstantiationError InstantiationException Integer InternalError InterruptedException Iterable "
    "LayerInstantiationException LinkageError Long MatchException Math Module ModuleLayer NegativeArraySizeException "
    "NoClassDefFoundError NoSuchFieldError NoSuchFieldException NoSuchMethodError NoSuchMethodException "
    "NullPointerException Number NumberFormatException Object OutOfMemoryError Override Package Process "
    "ProcessBuilder ProcessHandle Readable Record ReflectiveOperationException Runnable Runtime RuntimeException "
    "RuntimePermission SafeVarargs ScopedValue SecurityException SecurityManager Short StackOverflowError "
    "StackTraceElement StackWalker StrictMath String StringBuffer StringBuilder StringIndexOutOfBoundsException "
    "StringTemplate SuppressWarnings System Thread ThreadDeath ThreadGroup ThreadLocal Throwable "
    "TypeNotPresentException UnknownError UnsatisfiedLinkError UnsupportedClassVersionError "
    "UnsupportedOperationException VerifyError VirtualMachineError Void WrongThreadException"
)
# The prelude and the standard macros.
_RUST = (
    "AsMut AsRef AsyncFn AsyncFnMut AsyncFnOnce Box Clone Copy Default DoubleEndedIterator Drop Eq Err "
    "ExactSizeIterator Extend Fn FnMut FnOnce From FromIterator Into IntoIterator Iterator None Ok Option Ord "
    "PartialEq PartialOrd Result Self Send Sized Some String Sync ToOwned ToString TryFrom TryInto Unpin Vec alloc "
    "assert assert_eq assert_ne bool cfg char column compile_error concat core crate dbg debug_assert debug_assert_eq "
    "debug_assert_ne drop env eprint eprintln f32 f64 file format format_args i128 i16 i32 i64 i8 include "
    "include_bytes include_str isize line matches module_path option_env panic print println self std str stringify "
    "super thread_local todo u128 u16 u32 u64 u8 unimplemented unreachable usize vec write writeln"
)
_BY_FAMILY = {
    "python": frozenset(dir(builtins)) | {"__file__", "__path__", "reveal_type", "self", "cls"},
    "script": frozenset(_SCRIPT.split()),
    "java": frozenset(_JAVA.split()),
    "rust": frozenset(_RUST.split()),
    "go": frozenset({"C"}),
}


def is_ambient(family: str, name: str) -> bool:
    """Return whether a name means something without an import: of the language, or of the programs that run it."""
    if family == "script" and _SCRIPT_BEGINNINGS.match(name):
        return True
    return name in _BY_FAMILY.get(family, frozenset())
