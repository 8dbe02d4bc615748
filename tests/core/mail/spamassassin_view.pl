#!/usr/bin/perl
# Prints what SpamAssassin's rules see of messages, one JSON object a line, for view_oracle_test.
# Local tests only: no network, no user's settings. Each line of standard input is a file's name.
# Each octet of a text is one character (U+0000 to U+00FF) in it, so that JSON carries any octet.
use strict;
use warnings;
use JSON::PP;
use Mail::SpamAssassin;

$ENV{TZ} = 'UTC';
my $settings = $ARGV[0] // die "usage: spamassassin_view.pl SETTINGS-FOLDER < LIST\n";
my $sa = Mail::SpamAssassin->new({
  rules_filename => $settings, site_rules_filename => $settings,
  userprefs_filename => '/dev/null', userstate_dir => $settings,
  local_tests_only => 1, dont_copy_prefs => 1, require_rules => 0,
});
$sa->init(0);
my $json = JSON::PP->new->ascii->canonical;

sub octets { my $text = shift // ''; utf8::encode($text) if utf8::is_utf8($text); return $text }
sub all { return [map { octets($_) } @{$_[0] // []}] }

while (my $file = <STDIN>) {
  chomp $file;
  open my $in, '<:raw', $file or die "$file: $!\n";
  my @lines = <$in>;
  close $in;
  my $message = $sa->parse(\@lines, 1);
  my $status = Mail::SpamAssassin::PerMsgStatus->new($sa, $message);
  my %out = (file => $file);
  $out{body} = all($message->get_rendered_body_text_array());
  $out{visible} = all($message->get_visible_rendered_body_text_array());
  $out{invisible} = all($message->get_invisible_rendered_body_text_array());
  $out{rawbody} = all($message->get_decoded_body_text_array());
  $out{types} = [map { $_->effective_type() } $message->find_parts(qr/./, 1)];
  my $uris = $status->get_uri_detail_list();
  for my $uri (keys %$uris) {
    my $info = $uris->{$uri};
    $out{uris}{octets($uri)} = {
      cleaned => [sort @{all($info->{cleaned})}],
      types => [sort keys %{$info->{types} // {}}],
      domains => [sort map { octets($_) } keys %{$info->{domains} // {}}],
      hosts => [sort map { octets($_) } keys %{$info->{hosts} // {}}],
      anchor => all($info->{anchor_text}),
    };
  }
  for my $html (@{$message->{metadata}{html_all} // []}) {
    my %facts = map { $_ => $html->{$_} } grep { defined $html->{$_} && !ref $html->{$_} } keys %$html;
    $facts{inside} = $html->{inside} // {};
    $facts{$_} = all($html->{$_}) for qw(title comment script anchor);
    $facts{$_} = octets($facts{$_}) for grep { defined $facts{$_} && !ref $facts{$_} } keys %facts;
    push @{$out{html}}, \%facts;
  }
  print $json->encode(\%out), "\n";
  $status->finish();
  $message->finish();
}
