//! Values of the sites file that may be written in more than one way.

use super::raw::{Cast, Field, TimeoutPhases, WorkersRange};
use super::scalar::{FieldWord, Scalar, Span, Text, WebUrl, Workers};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserialize, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// One value, or a list of them.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
pub enum OneOrMany<T> {
    /// One.
    One(T),
    /// A list.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// As a list.
    pub fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(value) => vec![value],
            Self::Many(values) => values,
        }
    }
}

/// `auto`, `off`, or a list of URLs.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
pub enum SitemapForm {
    /// `auto` or `off`.
    Switch(SitemapSwitch),
    /// Just these.
    List(Vec<WebUrl>),
}

/// Sitemaps without a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename_all = "lowercase"))]
pub enum SitemapSwitch {
    /// Those that robots.txt names, else `/sitemap.xml`.
    Auto,
    /// None.
    Off,
}

impl Scalar for SitemapSwitch {
    const WHAT: &'static str = "auto, off or a list of URLs";
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "auto" | "on" | "true" => Ok(Self::Auto),
            "off" | "false" => Ok(Self::Off),
            _ => Err("write auto, off or a list of URLs".to_owned()),
        }
    }
}

/// One limit for a request, or one for each of its phases.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
pub enum TimeoutForm {
    /// For the whole.
    Whole(Span),
    /// For each phase.
    Phases(TimeoutPhases),
}

/// How many workers: a number, `auto`, or the bounds of tuning.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
pub enum WorkersForm {
    /// A number, or `auto`.
    Word(Workers),
    /// Bounds.
    Range(WorkersRange),
}

/// A CSS selector or a JSONPath alone, or a field with all its options.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
pub enum FieldForm {
    /// Where it is.
    Short(FieldWord),
    /// With options.
    Long(Box<Field>),
}

/// Reads one of: a word, a list, a map.
pub struct Forms<T, W, L, M> {
    /// What belongs there, for messages.
    pub what: &'static str,
    /// Of a word.
    pub word: Option<fn(W) -> T>,
    /// Of a list.
    pub list: Option<fn(L) -> T>,
    /// Of a map.
    pub map: Option<fn(M) -> T>,
    /// Says what is made.
    pub marker: PhantomData<T>,
}

impl<'de, T, W, L, M> Visitor<'de> for Forms<T, W, L, M>
where
    W: Deserialize<'de>,
    L: Deserialize<'de>,
    M: Deserialize<'de>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        match self.word {
            Some(word) => W::deserialize(text.into_deserializer()).map(word),
            None => Err(E::invalid_type(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<T, E> {
        self.visit_str(if value { "true" } else { "false" })
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        match self.list {
            Some(build) => L::deserialize(SeqAccessDeserializer::new(list)).map(build),
            None => Err(de::Error::invalid_type(de::Unexpected::Seq, &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        match self.map {
            Some(build) => M::deserialize(MapAccessDeserializer::new(map)).map(build),
            None => Err(de::Error::invalid_type(de::Unexpected::Map, &self)),
        }
    }
}

/// Stands in for a form that a value does not have.
pub type Never = de::IgnoredAny;

impl<'de, T: Scalar + Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(Forms::<Self, T, Vec<T>, Never> {
            what: T::WHAT,
            word: Some(Self::One),
            list: Some(Self::Many),
            map: None,
            marker: PhantomData,
        })
    }
}

impl<'de> Deserialize<'de> for SitemapSwitch {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        Self::read(&text).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for SitemapForm {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(Forms::<Self, SitemapSwitch, Vec<WebUrl>, Never> {
            what: SitemapSwitch::WHAT,
            word: Some(Self::Switch),
            list: Some(Self::List),
            map: None,
            marker: PhantomData,
        })
    }
}

impl<'de> Deserialize<'de> for TimeoutForm {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(Forms::<Self, Span, Never, TimeoutPhases> {
            what: "a duration such as 30s, or a map of connect, headers, idle and total",
            word: Some(Self::Whole),
            list: None,
            map: Some(Self::Phases),
            marker: PhantomData,
        })
    }
}

/// Bounds of which the first is not above the second.
struct Ascending(WorkersRange);

impl<'de> Deserialize<'de> for Ascending {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let range = WorkersRange::deserialize(source)?;
        if let (Some(min), Some(max)) = (&range.min, &range.max)
            && min.0 > max.0
        {
            return Err(de::Error::custom(format!(
                "min {} is above max {}; write the smaller as min",
                min.0, max.0
            )));
        }
        Ok(Self(range))
    }
}

impl<'de> Deserialize<'de> for WorkersForm {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(Forms::<Self, Workers, Never, Ascending> {
            what: "a number of workers, auto, or a map of min, max and auto",
            word: Some(Self::Word),
            list: None,
            map: Some(|range| Self::Range(range.0)),
            marker: PhantomData,
        })
    }
}

impl<'de> Deserialize<'de> for FieldForm {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(Forms::<Self, FieldWord, Never, Fitting> {
            what: "a CSS selector, a JSONPath, or a map with css, json, jsonld or meta",
            word: Some(Self::Short),
            list: None,
            map: Some(|field| Self::Long(Box::new(field.0))),
            marker: PhantomData,
        })
    }
}

/// A field whose keys go together.
struct Fitting(Field);

impl<'de> Deserialize<'de> for Fitting {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let field = Field::deserialize(source)?;
        match clash(&field) {
            Some(wrong) => Err(de::Error::custom(wrong)),
            None => Ok(Self(field)),
        }
    }
}

/// What of a field's keys does not go together, and what to do.
fn clash(field: &Field) -> Option<&'static str> {
    let of_elements = field.css.is_some() || field.attr.is_some();
    let sources = usize::from(of_elements || field.json.is_some())
        + usize::from(field.jsonld.is_some())
        + usize::from(field.meta.is_some());
    let empty = matches!(&field.css, Some(OneOrMany::Many(list)) if list.is_empty());
    if sources > 1 {
        return Some("one of css, json, jsonld and meta; css and json go together");
    }
    if empty {
        return Some("css is an empty list; write a selector");
    }
    if field.format.is_some() && field.cast != Some(Cast::Date) {
        return Some("format is for as: date");
    }
    field.fields.as_ref()?;
    let valued = field.attr.is_some() || field.cast.is_some() || field.matching.is_some();
    if valued || field.jsonld.is_some() || field.meta.is_some() {
        return Some(
            "a field with fields is an object; it has css or json, and no attr, as or match",
        );
    }
    if field.css.is_none() && field.json.is_none() {
        return Some("a field with fields needs css or json");
    }
    None
}

/// A map that keeps the order of the file and refuses a second equal key.
#[derive(Debug, Clone)]
pub struct OrderedMap<T>(pub Vec<(String, T)>);

/// Request headers, in order.
pub type Headers = OrderedMap<Text>;

struct Ordered<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Ordered<T> {
    type Value = OrderedMap<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OrderedMap<T>, A::Error> {
        let mut entries: Vec<(String, T)> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if entries.iter().any(|(known, _)| *known == key) {
                return Err(de::Error::custom(format!("a second key \"{key}\"")));
            }
            entries.push((key, map.next_value()?));
        }
        if entries.is_empty() {
            return Err(de::Error::custom("an empty map; write at least one entry"));
        }
        Ok(OrderedMap(entries))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OrderedMap<T> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_map(Ordered(PhantomData))
    }
}

#[cfg(test)]
impl<T: schemars::JsonSchema> schemars::JsonSchema for OrderedMap<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("MapOf{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({ "type": "object", "additionalProperties": value })
    }
}
