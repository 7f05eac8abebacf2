//! [`KindName`]: the kind of an event without its contents.

macro_rules! kind_names {
    ($($kind:ident),*) => {
        /// The kind of an event without its contents. Used as a key for counts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum KindName {
            $($kind),*
        }

        impl KindName {
            pub const ALL: &[KindName] = &[$(KindName::$kind),*];

            /// Returns the name in the text of `go tool trace -d=parsed`.
            pub fn text(self) -> &'static str {
                match self {
                    $(KindName::$kind => stringify!($kind)),*
                }
            }
        }
    };
}

kind_names! {
    Sync, Metric, Label, RangeBegin, RangeActive, RangeEnd, TaskBegin, TaskEnd, RegionBegin, RegionEnd, Log,
    StateTransition, StackSample, Experimental, Gap
}
