# Slow on purpose: takes a minute, of which it holds no lock but in the last moment.
class CountWords < ActiveRecord::Migration[7.2]
  SECONDS = 60

  def up
    execute "SELECT pg_sleep(#{SECONDS})"
    add_column :posts, :words_count, :integer
  end

  def down = remove_column(:posts, :words_count)
end
