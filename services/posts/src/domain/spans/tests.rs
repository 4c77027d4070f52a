//! The rules by example, and what must hold for any text.

use proptest::prelude::*;

use super::{MAX_SPANS, SpanKind, parse};

/// Each span as its text in brackets and its value.
fn shown(text: &str) -> String {
    let mark = |kind| match kind {
        SpanKind::Hashtag => '#',
        SpanKind::Mention => '@',
        SpanKind::Link => '~',
    };
    let spans = parse(text);
    let parts = spans.iter().map(|s| format!("{}{}[{}]", mark(s.kind), s.value, &text[s.start..s.end]));
    parts.collect::<Vec<_>>().join(" ")
}

#[test]
fn hashtags() {
    for (text, expected) in [
        ("#rust is #Fun", "#rust[#rust] #fun[#Fun]"),
        ("#snake_case #kebab-case #c++", "#snake_case[#snake_case] #kebab-case[#kebab-case] #c++[#c++]"),
        ("#end- (#in) #a.b", "#end[#end] #in[#in] #a[#a]"),
        ("#1 #2024 #_ #- # #", ""),
        ("#1st #top10", "#1st[#1st] #top10[#top10]"),
        ("word#no #a#b ##c &#39; &#x27;", "#a[#a] #c[#c]"),
        ("＃fullwidth ﹟small", "#fullwidth[＃fullwidth] #small[﹟small]"),
        ("#東京 今日は#無 #привет #שלום #ไทย", "#東京[#東京] #привет[#привет] #שלום[#שלום] #ไทย[#ไทย]"),
        ("#Straße #STRASSE #ΣΊΣΥΦΟΣ", "#strasse[#Straße] #strasse[#STRASSE] #σίσυφοσ[#ΣΊΣΥΦΟΣ]"),
        ("#ｗｉｄｅ #ﬁn #é #e\u{301}", "#wide[#ｗｉｄｅ] #fin[#ﬁn] #é[#é] #é[#e\u{301}]"),
        ("#❤ #❤\u{fe0f} #love❤", "#❤[#❤] #❤[#❤\u{fe0f}] #love❤[#love❤]"),
        ("#🇩🇪 #👩\u{200d}👧", "#🇩🇪[#🇩🇪] #👩\u{200d}👧[#👩\u{200d}👧]"),
        ("**#bold**", "#bold[#bold]"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
    assert_eq!(parse(&format!("#{}", "a".repeat(100))).len(), 1);
    assert_eq!(parse(&format!("#{}", "a".repeat(101))).len(), 0);
    // One character of this becomes four.
    assert_eq!(parse(&format!("#{}", "\u{fdf2}".repeat(25))).len(), 1);
    assert_eq!(parse(&format!("#{}", "\u{fdf2}".repeat(26))).len(), 0);
}

#[test]
fn mentions() {
    for (text, expected) in [
        ("@Ann and (@bob_2), .@cy", "@ann[@Ann] @bob_2[@bob_2] @cy[@cy]"),
        ("＠wide", "@wide[＠wide]"),
        ("@a @ @_", ""),
        ("@bob's @bob: @bob.", "@bob[@bob] @bob[@bob] @bob[@bob]"),
        ("mail ann@example.org a.b+c@example.org x-@example.org o'@example.org", ""),
        ("@ann@example.org @@bob example.org/@cy a=@dan", ""),
        ("@josé é@bob привет@bob", ""),
        ("@bobさん こんにちは@bob", "@bob[@bob] @bob[@bob]"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
    let handle = |len| parse(&format!("@{}", "a".repeat(len))).len();
    assert_eq!((handle(1), handle(2), handle(30), handle(31), handle(5_000)), (0, 1, 1, 0, 0));
}

#[test]
fn links() {
    for (text, expected) in [
        ("see https://a.example/b?c=d#e.", "~https://a.example/b?c=d#e[https://a.example/b?c=d#e]"),
        ("HTTP://A.example!", "~HTTP://A.example[HTTP://A.example]"),
        ("(http://a.example)", "~http://a.example[http://a.example]"),
        (
            "http://a.example/x_(y) (http://a.example/x_(y))",
            "~http://a.example/x_(y)[http://a.example/x_(y)] ~http://a.example/x_(y)[http://a.example/x_(y)]",
        ),
        ("[x](http://a.example/y).", "~http://a.example/y[http://a.example/y]"),
        (
            "http://a.example:8080/x http://a.example: y",
            "~http://a.example:8080/x[http://a.example:8080/x] ~http://a.example[http://a.example]",
        ),
        (
            "http://a.example,http://b.example",
            "~http://a.example[http://a.example] ~http://b.example[http://b.example]",
        ),
        ("見てhttps://例え.jp/道。次", "~https://例え.jp/道[https://例え.jp/道]"),
        ("https://a.example/@bob/#tag", "~https://a.example/@bob/#tag[https://a.example/@bob/#tag]"),
        ("https://bank.example@evil.example/ https://u:p@evil.example", ""),
        ("http:// https://. http:///x xhttp://a.example ftp://a.example", ""),
        (
            "\"http://a.example/x\" <http://a.example/y>",
            "~http://a.example/x[http://a.example/x] ~http://a.example/y[http://a.example/y]",
        ),
        ("https://a.example/...…", "~https://a.example/[https://a.example/]"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
    let link = |len: usize| parse(&format!("http://{}", "a".repeat(len - 7))).len();
    assert_eq!((link(2_048), link(2_049)), (1, 0));
}

#[test]
fn kinds_mix_in_order_and_number_is_bounded() {
    let text = "#a @bob https://a.example/#b @cy#d #e";
    assert_eq!(shown(text), "#a[#a] @bob[@bob] ~https://a.example/#b[https://a.example/#b] @cy[@cy] #e[#e]");
    assert_eq!(parse(&"#a ".repeat(1_000)).len(), MAX_SPANS);
}

/// Sixteen times the longest post: work that grows with the square of the length would not end here.
#[test]
fn hostile_texts_take_linear_time() {
    for part in [
        "#",
        "@",
        "h",
        "http://",
        "http://a@",
        "http://a/",
        "http://a,",
        "#1",
        "@a",
        "@@a",
        "# ",
        "http://a(",
        ")",
        "#-",
        "http://a/http://a@",
        "http://,",
        "\u{301}",
        "#\u{fdf2}",
        "@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "a@",
    ] {
        let text = part.repeat((1 << 18) / part.len());
        assert!(parse(&text).len() <= MAX_SPANS, "{part}");
        assert!(parse(&format!("http://a/{text}")).len() <= MAX_SPANS, "{part}");
        assert!(parse(&format!("#{text}")).len() <= MAX_SPANS, "{part}");
    }
}

/// Texts dense in what the rules look at.
fn dense() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("#".to_owned()),
        Just("＃".to_owned()),
        Just("@".to_owned()),
        Just("＠".to_owned()),
        Just("http://".to_owned()),
        Just("https://".to_owned()),
        Just(" ".to_owned()),
        Just("(".to_owned()),
        Just(")".to_owned()),
        Just("…".to_owned()),
        Just("👩\u{200d}👧".to_owned()),
        Just("\u{fe0f}".to_owned()),
        Just("東".to_owned()),
        Just("-".to_owned()),
        Just("&".to_owned()),
        Just("ß".to_owned()),
        "[a-z0-9_./:]{1,8}",
        any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

fn assert_sound(text: &str) -> Result<(), TestCaseError> {
    let spans = parse(text);
    prop_assert!(spans.len() <= MAX_SPANS);
    let mut free_from = 0;
    for span in &spans {
        prop_assert!(span.start >= free_from && span.end > span.start && span.end <= text.len());
        prop_assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end));
        prop_assert!(!span.value.is_empty());
        free_from = span.end;
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_gives_sound_spans(text in any::<String>()) {
        assert_sound(&text)?;
    }

    #[test]
    fn dense_text_gives_sound_spans(text in dense()) {
        assert_sound(&text)?;
    }

    /// A span found in a text is found again when it stands alone.
    #[test]
    fn hashtags_and_mentions_stand_alone(text in dense()) {
        for span in parse(&text).iter().filter(|s| s.kind != SpanKind::Link) {
            let alone = parse(&text[span.start..span.end]);
            prop_assert_eq!(alone.len(), 1);
            prop_assert_eq!(&alone[0].value, &span.value);
        }
    }
}
