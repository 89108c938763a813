//! Intervals against published values.

use countersign_stats::{fisher_interval, t_quantile, wilson_interval};

fn close(found: f64, published: f64, digits: i32) {
    assert!((found - published).abs() < 0.6 * 10f64.powi(-digits), "{found} is not {published}");
}

#[test]
fn student_t_table() {
    for (df, published) in [
        (1, 12.7062),
        (2, 4.3027),
        (5, 2.5706),
        (10, 2.2281),
        (30, 2.0423),
        (60, 2.0003),
        (100, 1.9840),
        (200, 1.9719),
        (500, 1.9647),
        (1000, 1.9623),
    ] {
        close(t_quantile(df).expect("some freedom"), published, 4);
    }
    assert_eq!(t_quantile(0), None);
    close(t_quantile(1_000_000).expect("some"), 1.959_966, 6);
    // the two ways of computing it meet
    let (before, after) = (t_quantile(299).expect("some"), t_quantile(300).expect("some"));
    assert!(before > after && before - after < 1e-4, "{before} {after}");
    let falls = (1..2000).map(|df| t_quantile(df).expect("some")).collect::<Vec<_>>();
    assert!(falls.windows(2).all(|w| w[0] > w[1]));
}

/// Newcombe 1998, Statistics in Medicine 17:857, table I, method 3.
#[test]
fn wilson_by_newcombe() {
    for (count, n, low, high) in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)] {
        let found = wilson_interval(count, n).expect("some people");
        close(found.0, low, 4);
        close(found.1, high, 4);
        let other = wilson_interval(n - count, n).expect("some people");
        assert!((other.0 - (1.0 - found.1)).abs() < 1e-12 && (other.1 - (1.0 - found.0)).abs() < 1e-12, "no and yes mirror each other");
    }
    assert_eq!((wilson_interval(0, 0), wilson_interval(3, 2)), (None, None));
}

#[test]
fn fisher_by_hand() {
    // z = atanh 0.5 = 0.549306, half width 1.959964 / sqrt(25) = 0.391993: tanh of 0.157313 and 0.941299
    let (low, high) = fisher_interval(0.5, 28).expect("enough pairs");
    close(low, 0.1560, 4);
    close(high, 0.7358, 4);
    assert_eq!((fisher_interval(0.5, 3), fisher_interval(1.0, 50), fisher_interval(f64::NAN, 50)), (None, None, None));
}
